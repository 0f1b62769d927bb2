import pg from 'pg';

/** Drops everything in a database. */
export async function emptyPostgres(url: string): Promise<void> {
  await execute(url, 'drop schema public cascade; create schema public');
}

/** Deletes every row of the gateway's tables. */
export async function clearPostgres(url: string): Promise<void> {
  const tables = 'gw_servers, gw_meetings, gw_tenants, gw_tenant_settings, gw_leases, gw_meta';
  await execute(url, `truncate ${tables}, callback_data`);
}

async function execute(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}
