import pg from 'pg';

/** Drops everything in a database. */
export async function emptyPostgres(url: string): Promise<void> {
  await execute(url, 'drop schema public cascade; create schema public');
}

/** Deletes every row but those about the database itself. */
export async function clearPostgres(url: string): Promise<void> {
  await execute(
    url,
    `do $$ declare name text; begin
       for name in select tablename from pg_tables where schemaname = 'public' and tablename <> 'gw_meta'
       loop execute format('delete from %I', name); end loop;
     end $$`,
  );
}

async function execute(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}
