/** Lays rows out, the first being the heads. */
export type Layout = (rows: readonly string[][]) => string[];
