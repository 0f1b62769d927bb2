import {
  cidrList,
  type ConfigProblem,
  ConfigFileError,
  type ConfigReport,
  duration,
  endpointAddress,
  integer,
  listenAddress,
  parseConfig,
  secret,
  size,
  z,
} from '../../src/index.ts';

/** A configuration with one of everything, as a daemon would describe it. */
export const schema = z.strictObject({
  global: z
    .strictObject({
      workers: z.union([z.literal('auto'), integer({ min: 1, max: 64 })]).default(1),
      timeout: duration({ maxMs: 60_000 }).default(5000),
      buffer: size({ minBytes: 1024 }).default(65_536),
      token: secret().optional(),
    })
    .prefault({}),
  doors: z
    .record(
      z.string(),
      z.strictObject({
        listen_addr: z.union([listenAddress(), z.array(listenAddress())]),
        protocol: z.enum(['tcp', 'udp']).default('tcp'),
        room: z.string(),
        allow: cidrList().default([]),
      }),
    )
    .default({}),
  rooms: z
    .record(
      z.string(),
      z.strictObject({
        guests: z
          .record(
            z.string(),
            z.strictObject({
              addr: endpointAddress(),
              weight: integer({ min: 0, max: 65_535 }).default(1),
            }),
          )
          .default({}),
      }),
    )
    .default({}),
  source: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('file'), path: z.string() }),
      z.strictObject({ type: z.literal('dns'), name: z.string() }),
    ])
    .optional(),
});

export type Sample = z.output<typeof schema>;

/** Checks of meaning: doors lead to rooms, rooms have guests, no guest has an address twice. */
export function check(value: Sample, report: ConfigReport): void {
  for (const [name, door] of Object.entries(value.doors)) {
    if (report.has(['rooms', door.room])) continue;
    const known = report.keysOf(['rooms']).join(', ');
    report.problem(
      ['doors', name, 'room'],
      `rooms has no ${JSON.stringify(door.room)}; known: ${known}`,
    );
  }
  for (const [name, room] of Object.entries(value.rooms)) {
    const guests = Object.entries(room.guests);
    if (guests.length === 0) report.problem(['rooms', name], 'has no guests');
    if (guests.length > 0 && guests.every(([, { weight }]) => weight === 0)) {
      report.warning(['rooms', name], 'all weights are 0');
    }
    const seen = new Map<string, string>();
    for (const [guest, { addr }] of guests) {
      const text = JSON.stringify(addr);
      const path = ['rooms', name, 'guests', guest, 'addr'];
      const first = seen.get(text);
      if (first === undefined) seen.set(text, guest);
      else {
        const { line } = report.keyPosition(['rooms', name, 'guests', first]);
        report.problem(path, `same address as guests.${first} (line ${line})`);
      }
    }
  }
}

/** Parses a sample text. */
export function parseSample(
  text: string,
  environment: Record<string, string> = {},
): { value: Sample; warnings: readonly ConfigProblem[] } {
  return parseConfig(text, 'c.toml', { schema, check, environment });
}

/** The problems of a sample text, one per line as a person sees them. */
export function problemsOf(text: string, environment: Record<string, string> = {}): string[] {
  try {
    parseSample(text, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigFileError) return error.message.split('\n');
    throw error;
  }
}
