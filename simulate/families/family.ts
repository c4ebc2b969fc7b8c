import type { Site } from './site.ts';

/** One behaviour of senders, forwarders, forgers or reporters, drawn anew for each world. */
export interface Family {
  /** As on the command line and in the tables. */
  name: string;
  /** Rules are tuned on `tuning` only; published figures come from `reported`. */
  group: 'tuning' | 'reported';
  /** Nothing of it deserves a mail. */
  benign: boolean;
  /** What says that senders behave so: a section of an RFC, a vendor's page, a public thread. */
  source: string;
  /** Report days of its worlds; drawn from 70 to 110 where absent. */
  days?: readonly [least: number, most: number];
  /** Builds one world. Draws everything from `site.random`. */
  plant(site: Site): void;
}
