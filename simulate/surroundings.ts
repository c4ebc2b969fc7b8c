import { AddressLookups } from '../services/enricher/addresses.ts';
import { Pace } from '../services/enricher/pace.ts';
import type { Context } from '../services/shared/runtime/service.ts';
import type { Internet } from './internet/internet.ts';

/** The product's look-ups of addresses, on a world's name service. Nothing is paced: time is not simulated. */
export function enricherOf(context: Context, internet: Internet): () => Promise<void> {
  const lookups = new AddressLookups({
    context,
    log: context.log,
    resolver: internet.resolver(),
    pace: new Pace(Number.POSITIVE_INFINITY),
    owners: internet.owners(),
  });
  return () => lookups.run(new AbortController().signal);
}
