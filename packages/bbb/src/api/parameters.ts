/**
 * Parameters of create and join as they go to a server: the client's, between defaults and overrides
 * of the gateway and of the tenant.
 *
 * @module
 */
import type { BbbConfig } from '../config/keys.ts';
import type { Tenant } from '../directory.ts';
import { type ApiParameters, CHECKSUM } from './request.ts';

export const SERVER_TAG = 'meta_server-tag';
const TENANT_ID = 'meta_tenant-id';
const TENANT_NAME = 'meta_tenant-name';

/** Which lists apply. */
export interface ParameterRules {
  readonly defaults: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, string>>;
  readonly excluded: readonly string[];
}

/** The rules of create. */
export function createRules(config: BbbConfig): ParameterRules {
  return {
    defaults: config.default_create_params,
    overrides: config.override_create_params,
    excluded: config.create_exclude_params,
  };
}

/** The rules of join. */
export function joinRules(config: BbbConfig): ParameterRules {
  return {
    defaults: config.default_join_params,
    overrides: config.override_join_params,
    excluded: config.join_exclude_params,
  };
}

/**
 * Weakest first: global default, tenant default, client, global override, tenant override. The
 * client's order is kept, what is added comes after.
 *
 * @param isCreate - A tenant's settings are about create.
 */
export function mergeParameters(
  client: ApiParameters,
  rules: ParameterRules,
  { tenant, isCreate }: { readonly tenant: Tenant | null; readonly isCreate: boolean },
): Map<string, string> {
  const merged = new Map(client);
  for (const name of [CHECKSUM, ...rules.excluded]) merged.delete(name);
  const sent = new Set(merged.keys());
  const ofTenant = isCreate ? tenant : null;
  const layers = [
    new Map(Object.entries(rules.defaults)),
    ofTenant?.defaults ?? new Map<string, string>(),
  ];
  for (const layer of layers) {
    for (const [name, value] of layer) if (!sent.has(name)) merged.set(name, value);
  }
  for (const [name, value] of Object.entries(rules.overrides)) merged.set(name, value);
  for (const [name, value] of ofTenant?.overrides ?? []) merged.set(name, value);
  return merged;
}

/** Names the tenant of a meeting to its server; a client cannot. */
export function setTenant(parameters: Map<string, string>, tenant: Tenant | null): void {
  parameters.delete(TENANT_ID);
  parameters.delete(TENANT_NAME);
  if (tenant === null) return;
  parameters.set(TENANT_ID, tenant.row.id);
  parameters.set(TENANT_NAME, tenant.row.name);
}

/** Keeps `duration` within a limit in minutes; 0 is no limit, on either side. */
export function limitDuration(parameters: Map<string, string>, maxMinutes: number): void {
  if (maxMinutes === 0) return;
  const text = parameters.get('duration') ?? '';
  const minutes = /^\d+$/.test(text) ? Number(text) : 0;
  if (minutes === 0 || minutes > maxMinutes) parameters.set('duration', String(maxMinutes));
}

/** The first of the places where a tag wish may stand that says something. */
export function tagWishOf(client: ApiParameters, config: BbbConfig, tenant: Tenant | null): string {
  const wishes = [
    tenant?.overrides.get(SERVER_TAG),
    config.override_create_params[SERVER_TAG],
    client.get(SERVER_TAG),
    tenant?.defaults.get(SERVER_TAG),
    config.default_create_params[SERVER_TAG],
  ];
  return wishes.find((wish) => wish !== undefined && wish !== '') ?? '';
}

/** Callback addresses that a client may ask for; the first of them that is present counts. */
const RECORDING_READY = [
  'meta_bn-recording-ready-url',
  'meta_bbb-recording-ready-url',
  'meta_canvas-recording-ready-url',
];

/** Takes the addresses that the gateway itself will call out of the parameters. */
export function takeRecordingReadyUrl(parameters: Map<string, string>): string | undefined {
  const url = RECORDING_READY.map((name) => parameters.get(name)).find((value) => value);
  for (const name of RECORDING_READY) parameters.delete(name);
  return url;
}

const ANALYTICS = 'meta_analytics-callback-url';

/** Puts the gateway's own address in the place of one for analytics. @returns What was there. */
export function replaceAnalyticsUrl(
  parameters: Map<string, string>,
  ownUrl: string,
): string | undefined {
  const url = parameters.get(ANALYTICS);
  if (!url) return undefined;
  parameters.set(ANALYTICS, ownUrl);
  return url;
}
