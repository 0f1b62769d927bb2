/**
 * The manual page balancer(1), in the man macros that groff and mandoc both know.
 *
 * @module
 */
import { type CommandReference, flatten } from './describe.ts';

/** @param root - The whole program. */
export function manPage(root: CommandReference, version: string): string {
  const commands = flatten(root).filter(({ path }) => path.length > 1 && path[1] !== 'help');
  const lines = [
    `.TH BALANCER 1 "" ${quoted(`balancer ${version}`)} "User Commands"`,
    '.SH NAME',
    `balancer \\- ${escape('load balancer for TCP, TLS and UDP, and selection of nodes')}`,
    '.SH SYNOPSIS',
    '.B balancer',
    '.I command',
    escape('[options] [arguments]'),
    '.SH DESCRIPTION',
    ...DESCRIPTION.map(escape),
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH EXIT STATUS',
    ...EXIT_STATUS.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, escape(meaning)]),
    '.SH SIGNALS',
    escape('What a running load balancer does on:'),
    ...SIGNALS.flatMap(([signal, meaning]) => ['.TP', `.B ${signal}`, escape(meaning)]),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(([name, meaning]) => ['.TP', `.B ${name}`, escape(meaning)]),
    '.SH FILES',
    '.TP',
    '.I config.toml',
    escape('Configuration that is taken where none is named.'),
    '.SH SEE ALSO',
    '.BR systemd.service (5),',
    '.BR haproxy (1),',
    '.BR nginx (8)',
  ];
  return `${lines.join('\n')}\n`;
}

const DESCRIPTION = [
  'balancer relays TCP, TLS and UDP from frontends to the servers of backends, as one TOML file says.',
  'A mistake in the file is answered with its line, its column and the remedy;',
  'a changed file takes effect wholly or not at all, without touching connections.',
] as const;

const EXIT_STATUS: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'Done.'],
  [1, 'Failed at run time, such as an address in use, or a refused order.'],
  [2, 'Bad usage or configuration.'],
  [3, 'Stopped, but connections were open when the drain deadline passed.'],
  [130, 'Interrupted (demo, top).'],
];

const SIGNALS: readonly (readonly [signal: string, meaning: string])[] = [
  ['SIGTERM, SIGINT', 'Stops accepting, waits for connections to end; a second one cuts them.'],
  ['SIGQUIT', 'Stops at once.'],
  ['SIGHUP', 'Reads the configuration file again.'],
  ['SIGUSR1', 'Opens the log files again, after they were rotated.'],
  [
    'SIGUSR2',
    'Starts the program anew with the same listening sockets, and drains once it is ready.',
  ],
];

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['BALANCER_TOKEN', 'Token of the admin listener, where neither option nor file gives one.'],
  ['NO_COLOR', 'Set to anything: no colours, not even on a terminal.'],
  [
    'LISTEN_FDS, LISTEN_PID',
    'Listening sockets of a service manager; taken where the address matches.',
  ],
  ['NOTIFY_SOCKET', 'Where readiness, reloads and the end are told.'],
];

function commandLines(command: CommandReference): string[] {
  const { path, description, usage, options, examples } = command;
  const described = command.arguments.filter(({ description: text }) => text !== '');
  const own = options.filter(({ long }) => long !== '--help');
  return [
    `.SS ${quoted(path.slice(1).join(' '))}`,
    `.B ${escape(path.join(' '))}`,
    escape(usage),
    '.PP',
    escape(sentence(description)),
    ...described.flatMap(({ name, description: text }) => [
      '.TP',
      `.I ${escape(name)}`,
      escape(sentence(text)),
    ]),
    ...own.flatMap(({ short, long, placeholder, description: text, values }) => [
      '.TP',
      `.B ${escape([short, long, placeholder].filter(Boolean).join(' ').replace(' --', ', --'))}`,
      escape(sentence(values.kind === 'choices' ? `${text}: ${values.choices.join(', ')}` : text)),
    ]),
    ...(examples.length === 0
      ? []
      : ['.PP', 'Examples:', '.PP', '.RS 4', '.nf', ...examples.map(escape), '.fi', '.RE']),
  ];
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/** A macro's argument, in quotes. */
function quoted(text: string): string {
  return `"${escape(text).replaceAll('"', String.raw`\(dq`)}"`;
}

/** A backslash, a dash, what is not ASCII, and a line that would be taken for a request. */
function escape(text: string): string {
  const plain = text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll(/[^\0-\x7f]/gu, (character) => {
      const codePoint = character.codePointAt(0)!.toString(16).toUpperCase();
      return String.raw`\[u${codePoint.padStart(4, '0')}]`;
    });
  return /^[.']/.test(plain) ? String.raw`\&${plain}` : plain;
}
