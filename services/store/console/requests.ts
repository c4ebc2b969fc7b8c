import type { State } from '../../requests/states.ts';
import { type Reader, read } from './scope.ts';

/** A request in a list. */
export interface VisibleRequest {
  request_key: number;
  summary: string;
  domain: string;
  state: State;
  requester: string;
  expires_at: Date | null;
}

/** The requests that a person may see, open ones first, the newest first. */
export async function visibleRequests(
  reader: Reader,
  { all, limit }: { all: boolean; limit: number },
): Promise<VisibleRequest[]> {
  return read<VisibleRequest & Record<string, unknown>>(
    reader,
    ['requests'],
    `select request_key, summary, domain, state, requester, expires_at from requests
      where $1 or state in ('draft', 'pending', 'approved', 'applying', 'active', 'handed_over')
      order by state <> 'pending', request_key desc limit $2`,
    [all, limit],
  );
}

/** Whether a person may see a request. */
export async function visibleRequest(reader: Reader, key: number): Promise<boolean> {
  return (await read(reader, ['requests'], 'select request_key from requests where request_key = $1', [key])).length === 1;
}
