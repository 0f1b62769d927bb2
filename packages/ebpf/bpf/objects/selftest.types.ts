// Generated from the object by ebpf-types. Change the C source instead.
import type { ObjectLayout } from '@balancer/ebpf';

export const Colour = {
  RED: 1,
  GREEN: 2,
  BLUE: 4294967295,
} as const;

export type Colour = number;

export interface Nested {
  readonly low: number;
  readonly high: number;
}

export interface Shapes {
  readonly tiny: number;
  readonly small: number;
  readonly medium: number;
  readonly large: bigint;
  readonly port: number;
  readonly address4: number;
  readonly flag: boolean;
  readonly colour: Colour;
  readonly mac: Uint8Array;
  readonly label: string;
  readonly pairs: Nested[];
  readonly inner_first: number;
  readonly whole?: number;
  readonly halves?: Nested;
  readonly three_bits: number;
  readonly signed_bits: number;
  readonly wide_bits: bigint;
}

export interface Prefix {
  readonly length: number;
  readonly address: number;
}

export interface Selftest {
  readonly maps: {
    readonly first_inner: {
      readonly key: number;
      readonly value: number;
    };
    readonly tables: {
      readonly key: number;
      readonly value: number;
    };
    readonly stages: {
      readonly key: number;
      readonly value: number;
    };
    readonly array: {
      readonly key: number;
      readonly value: bigint;
    };
    readonly events: {
      readonly key: number;
      readonly value: number;
    };
    readonly shapes: {
      readonly key: Nested;
      readonly value: Shapes;
    };
    readonly percpu: {
      readonly key: number;
      readonly value: number[];
    };
    readonly lru: {
      readonly key: bigint;
      readonly value: number;
    };
    readonly prefixes: {
      readonly key: Prefix;
      readonly value: number;
    };
    readonly named_tables: {
      readonly key: number;
      readonly value: number;
    };
    readonly ports: {
      readonly key: number;
      readonly value: number;
    };
    readonly kept: {
      readonly key: number;
      readonly value: number;
    };
  };
  readonly variables: {
    readonly threshold: number;
    readonly limit: number;
    readonly seen: bigint;
    readonly pid_offset: number;
    readonly pid_exists: number;
    readonly invented_exists: number;
    readonly task_bytes: number;
    readonly missing_type_exists: number;
    readonly sockmap_number: bigint;
  };
  readonly programs:
    | 'stage_two'
    | 'compute'
    | 'record'
    | 'stage_one'
    | 'table'
    | 'classify'
    | 'sum_in_kernel'
    | 'read_layout';
}

/** What the types above were made from; `loadObject` compares it with the object. */
export const selftestLayout: ObjectLayout = {
  'map first_inner key': { size: 4, members: {} },
  'map first_inner value': { size: 4, members: {} },
  'map tables key': { size: 4, members: {} },
  'map array key': { size: 4, members: {} },
  'map array value': { size: 8, members: {} },
  'map shapes key': {
    size: 4,
    members: {
      low: 0,
      high: 16,
    },
  },
  'map shapes value': {
    size: 72,
    members: {
      tiny: 0,
      small: 16,
      medium: 32,
      large: 64,
      port: 128,
      address4: 160,
      flag: 192,
      colour: 224,
      mac: 256,
      label: 304,
      pairs: 368,
      inner_first: 448,
      whole: 480,
      halves: 480,
      'halves.low': 480,
      'halves.high': 496,
      three_bits: 512,
      signed_bits: 515,
      wide_bits: 520,
    },
  },
  'map percpu key': { size: 4, members: {} },
  'map percpu value': { size: 4, members: {} },
  'map lru key': { size: 8, members: {} },
  'map lru value': { size: 4, members: {} },
  'map prefixes key': {
    size: 8,
    members: {
      length: 0,
      address: 32,
    },
  },
  'map prefixes value': { size: 4, members: {} },
  'map named_tables key': { size: 4, members: {} },
  'map kept key': { size: 4, members: {} },
  'map kept value': { size: 4, members: {} },
  'variable threshold': { size: 4, members: {} },
  'variable limit': { size: 4, members: {} },
  'variable seen': { size: 8, members: {} },
  'variable pid_offset': { size: 4, members: {} },
  'variable pid_exists': { size: 4, members: {} },
  'variable invented_exists': { size: 4, members: {} },
  'variable task_bytes': { size: 4, members: {} },
  'variable missing_type_exists': { size: 4, members: {} },
  'variable sockmap_number': { size: 8, members: {} },
};
