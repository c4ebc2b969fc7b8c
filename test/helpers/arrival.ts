import { createHash } from 'node:crypto';
import type { Arrival } from '../../services/store/messages/intake.ts';

/**
 * A mail as a poller hands it to the store, without what its header says. @param receivedAt now, when not
 * given
 */
export function arrivalOf(raw: Buffer, receivedAt = new Date()): Arrival & { raw: Buffer } {
  return {
    uid: null,
    receivedAt,
    sender: null,
    subject: null,
    messageId: null,
    size: raw.length,
    sha256: createHash('sha256').update(raw).digest(),
    raw,
  };
}
