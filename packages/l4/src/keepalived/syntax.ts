/**
 * Reads the syntax of keepalived.conf: statements of words, with blocks in braces.
 *
 * Source: keepalived.conf(5): comments, quoted text, continued lines, `include`, definitions with
 * `$NAME=`, conditional lines with `@id`.
 *
 * @module
 */
import { BalancerError } from '@balancer/kit';

/** A file that is no keepalived.conf; the message begins with its place. */
export class KeepalivedSyntaxError extends BalancerError {
  override readonly name = 'KeepalivedSyntaxError';
  readonly code = 'KEEPALIVED_SYNTAX';
}

/** Where a statement stands. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** One statement: a keyword, what follows it, and the statements of its block. */
export interface Statement extends Place {
  readonly words: readonly string[];
  /** Empty when the statement has no block. */
  readonly block: readonly Statement[];
}

/** A text to be read, and what it is called in messages. */
export interface ConfigText {
  readonly file: string;
  readonly text: string;
}

export interface SyntaxOptions {
  /** The files that `include <pattern>` in `from` means, in order. */
  readonly include: (pattern: string, from: string) => readonly ConfigText[];
  /** What keepalived is started with as `--config-id`: lines for others are left out. */
  readonly configId?: string | undefined;
}

/** Files within files; more is taken for a circle. */
const INCLUDE_DEPTH_MAX = 16;
/** Definitions that stand for definitions; more is taken for a circle. */
const SUBSTITUTION_DEPTH_MAX = 16;

/** @throws {KeepalivedSyntaxError} with the first thing that is wrong. */
export function parseKeepalived(source: ConfigText, options: SyntaxOptions): readonly Statement[] {
  return new Parser(options).parse(source);
}

type Token = Place & {
  readonly kind: 'word' | 'open' | 'close' | 'end';
  readonly text: string;
};

/** A statement whose block is still being read. */
interface Draft extends Place {
  readonly words: string[];
  readonly block: Draft[];
}

class Parser {
  readonly #options: SyntaxOptions;
  readonly #definitions = new Map<string, string>();
  readonly #root: Draft[] = [];
  /** Blocks that are open, the innermost last. */
  readonly #open: Draft[] = [];
  #current: Draft | undefined;
  /** Ended by the line; a brace on the next line still belongs to it. */
  #last: Draft | undefined;

  constructor(options: SyntaxOptions) {
    this.#options = options;
  }

  parse(source: ConfigText): readonly Statement[] {
    this.#read(source, 0);
    const unclosed = this.#open.at(-1);
    if (unclosed) throw wrong(unclosed, `"${unclosed.words.join(' ')} {" is never closed`);
    return this.#root;
  }

  #read({ file, text }: ConfigText, depth: number): void {
    for (const { line, text: whole } of logicalLines(text)) {
      const place = { file, line };
      const chosen = this.#conditional(whole);
      if (chosen === undefined || this.#define(chosen, place)) continue;
      const [keyword, pattern] = wordsOf(chosen, place);
      if (/^include[rmwb]*$/.test(keyword ?? '') && pattern !== undefined) {
        if (depth === INCLUDE_DEPTH_MAX) throw wrong(place, `"${chosen.trim()}" includes itself`);
        for (const next of this.#options.include(pattern, file)) this.#read(next, depth + 1);
        continue;
      }
      const tokens = tokensOf(this.#substitute(chosen, place), place);
      for (const token of tokens) this.#take(token);
      this.#take({ kind: 'end', text: '', ...place });
    }
  }

  /** The line without its condition; `undefined` when it is for others. */
  #conditional(line: string): string | undefined {
    const [, negated, id, rest] = /^\s*@(\^?)(\S+)\s?(.*)$/s.exec(line) ?? [];
    if (id === undefined) return line;
    const isMine = (id === this.#options.configId) !== (negated === '^');
    return isMine ? rest : undefined;
  }

  #define(line: string, place: Place): boolean {
    const [, name, value] = /^\s*\$([A-Za-z_]\w*)=(.*)$/s.exec(line) ?? [];
    if (name === undefined || value === undefined) return false;
    const [text] = wordsOf(`"${value.trim().replace(/^"(.*)"$/s, '$1')}"`, place);
    this.#definitions.set(name, text ?? '');
    return true;
  }

  #substitute(line: string, place: Place): string {
    let text = line;
    for (let depth = 0; depth < SUBSTITUTION_DEPTH_MAX; depth++) {
      const next = text.replaceAll(/\$(?:\{(\w+)\}|([A-Za-z_]\w*))/g, (whole, braced, plain) => {
        // What is not defined stays as it is: it may be a variable of a script.
        return this.#definitions.get(String(braced ?? plain)) ?? whole;
      });
      if (next === text) return text;
      text = next;
    }
    throw wrong(place, 'a definition stands for itself');
  }

  #take(token: Token): void {
    switch (token.kind) {
      case 'word':
        if (this.#current) this.#current.words.push(token.text);
        else this.#begin(token);
        return;
      case 'open':
        this.#openBlock(token);
        return;
      case 'close':
        this.#end();
        this.#last = undefined;
        if (!this.#open.pop()) throw wrong(token, '"}" closes nothing');
        return;
      case 'end':
        this.#end();
    }
  }

  #begin({ file, line, text }: Token): void {
    this.#current = { file, line, words: [text], block: [] };
    (this.#open.at(-1)?.block ?? this.#root).push(this.#current);
  }

  #end(): void {
    this.#last = this.#current ?? this.#last;
    this.#current = undefined;
  }

  #openBlock(token: Token): void {
    this.#end();
    const owner = this.#last;
    if (!owner || owner.block.length > 0) throw wrong(token, '"{" follows no statement');
    this.#open.push(owner);
    this.#last = undefined;
  }
}

/** Lines, with those that end in a backslash joined to the next. */
function logicalLines(text: string): { readonly line: number; readonly text: string }[] {
  const lines: { line: number; text: string }[] = [];
  let isContinued = false;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const piece = raw.replace(/\\$/, ' ');
    const last = lines.at(-1);
    if (isContinued && last) last.text += piece.trimStart();
    else lines.push({ line: index + 1, text: piece });
    isContinued = piece !== raw;
  }
  return lines;
}

function wordsOf(line: string, place: Place): string[] {
  return tokensOf(line, place).flatMap(({ kind, text }) => (kind === 'word' ? text : []));
}

/** A comment, a brace, a quoted text or a plain word. */
const LEXEME =
  /\s+|[#!].*$|([{}])|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s{}"'#!]+)|(["'])/gsy;

function tokensOf(line: string, place: Place): Token[] {
  const tokens: Token[] = [];
  for (const [, brace, double, single, plain, unclosed] of line.matchAll(LEXEME)) {
    if (unclosed !== undefined) throw wrong(place, `${unclosed} is never closed`);
    const word = plain ?? unescaped(double ?? single);
    if (brace !== undefined) {
      tokens.push({ kind: brace === '{' ? 'open' : 'close', text: brace, ...place });
    } else if (word !== undefined) {
      tokens.push({ kind: 'word', text: word, ...place });
    }
  }
  return tokens;
}

function unescaped(text: string | undefined): string | undefined {
  return text?.replaceAll(/\\(.)/gs, (_whole, character: string) =>
    character === 'n' ? '\n' : character === 't' ? '\t' : character,
  );
}

function wrong({ file, line }: Place, what: string): KeepalivedSyntaxError {
  return new KeepalivedSyntaxError(`${file}:${line}: ${what}`);
}
