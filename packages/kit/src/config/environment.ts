/**
 * `${VAR}` inside the strings of a configuration file.
 *
 * @module
 */

/** Environment variables; pass `process.env` at the composition root only. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type Expansion =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

/**
 * Replaces `${VAR}` and `${VAR:-default}`; the default also stands in for an empty variable, as in
 * a shell. `$${` writes a literal `${`. A default holds no `}` and is not expanded itself.
 */
export function expandVariables(text: string, environment: Environment): Expansion {
  if (!text.includes('${')) return { ok: true, text };
  let message: string | null = null;
  const expanded = text.replaceAll(
    REFERENCE,
    (whole: string, name: string | undefined, fallback: string | undefined) => {
      if (whole === '$${') return '${';
      if (name === undefined) {
        message ??= 'expected ${VAR} or ${VAR:-default}; write $${ for a literal ${';
        return whole;
      }
      const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
      if (value !== undefined && (value !== '' || fallback === undefined)) return value;
      if (fallback === undefined) {
        message ??= `environment variable ${name} is not set; set it or write \${${name}:-default}`;
      }
      return fallback ?? whole;
    },
  );
  return message === null ? { ok: true, text: expanded } : { ok: false, message };
}

/** The text that `expandVariables` turns back into `text`, whatever the environment. */
export function escapeVariables(text: string): string {
  // As a function: in a replacement text, $$ would mean one $.
  return text.replaceAll('${', () => '$${');
}

const REFERENCE = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;
