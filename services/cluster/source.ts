import type { EgressWay } from '../dns/guard/workloads.ts';
import type { Observation } from './observe.ts';

/** Where addresses are known from. */
export interface AddressSource {
  /** What is known of a way now. */
  observe(environment: string, egress: string, way: EgressWay): Observation;
  /** Why nothing, or not all, is known now: a sentence; null when all is well. */
  failure(): string | null;
  stop(): Promise<void>;
}
