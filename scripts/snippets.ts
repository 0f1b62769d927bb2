/**
 * Finds the fenced blocks of a Markdown text that are meant to be run: those whose info string ends
 * in `runnable`. A `text` block right after one is what it must print.
 *
 * @module
 */

/** One runnable block. */
export interface Snippet {
  readonly language: string;
  readonly code: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** What it must print; `undefined` when the document does not say. */
  readonly output: string | undefined;
}

interface Block {
  readonly info: string;
  readonly code: string;
  readonly startLine: number;
  readonly endLine: number;
}

/** All runnable blocks, in order. */
export function readSnippets(markdown: string): Snippet[] {
  const blocks = readBlocks(markdown);
  return blocks.flatMap((block, at) => {
    const [language = '', ...words] = block.info.split(/\s+/);
    if (!words.includes('runnable')) return [];
    const next = blocks[at + 1];
    const isOutput = next?.info === 'text' && next.startLine - block.endLine <= 2;
    return [
      {
        language,
        code: block.code,
        line: block.startLine,
        output: isOutput ? next.code : undefined,
      },
    ];
  });
}

function readBlocks(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; startLine: number; lines: string[] } | undefined;
  markdown.split('\n').forEach((text, index) => {
    const fence = /^```\s*(.*)$/.exec(text);
    if (fence === null) open?.lines.push(text);
    else if (open === undefined) open = { info: fence[1]!.trim(), startLine: index + 1, lines: [] };
    else {
      const { info, startLine, lines } = open;
      blocks.push({ info, startLine, endLine: index + 1, code: lines.join('\n') });
      open = undefined;
    }
  });
  return blocks;
}
