/**
 * XML text from values, as BigBlueButton's templates write it.
 *
 * @module
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** `<name>value</name>` with the value escaped. */
export function element(name: string, value: string | number | boolean): string {
  return `<${name}>${escapeXml(String(value))}</${name}>`;
}

/** Text that means itself, also between quotes. */
export function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign]!);
}

/** One element per entry, in order. */
export function elements(values: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(values)
    .map(([name, value]) => element(name, value))
    .join('');
}

/** A whole answer. */
export function success(content: string): string {
  return `<response><returncode>SUCCESS</returncode>${content}</response>`;
}

/** A refusal with its key. */
export function failed(messageKey: string, message: string = messageKey): string {
  return `<response><returncode>FAILED</returncode>${elements({ messageKey, message })}</response>`;
}
