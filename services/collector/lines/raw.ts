/** Where in a cluster a line was written, as its shipper says. */
export interface Place {
  /** The sending workload, where the shipper names one (field `workload`). */
  workload?: string;
  namespace?: string;
  pod?: string;
  container?: string;
  labels?: Record<string, string>;
}

/** A line as it came, with what its shipper says of it. */
export interface Raw {
  text: string;
  /** Of the shipper: milliseconds since the epoch. */
  at?: number;
  host?: string;
  tag?: string;
  place?: Place;
  /** The file and the position in it, where the line has no time of its own. */
  position?: string;
  /** It is a part of a line, which a container runtime cut. */
  part?: { stream: string; last: boolean } | undefined;
}
