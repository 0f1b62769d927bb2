export const RECORDINGS_PER_MEETING: number;
