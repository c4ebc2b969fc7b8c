import { type Arrival, fingerprintOf, type LeftMail } from '../store/messages/intake.ts';

/**
 * What is recorded of a mail that is larger than the limit, and so stays in its folder. It is known by what
 * its server and header say, since its bytes are not fetched.
 * @param mail its `size` in bytes, as announced or as far as it was read
 * @param mailBytes the limit `limits.mailBytes`, in bytes
 */
export function tooLarge(mail: Omit<Arrival, 'sha256'>, mailBytes: number, folder: string | null): LeftMail {
  const identity = `${mail.messageId ?? ''}|${mail.size}|${mail.receivedAt.toISOString()}`;
  return {
    ...mail,
    fingerprint: fingerprintOf(identity),
    code: 'mail_too_large',
    reason: `The mail has ${mail.size} bytes, more than limits.mailBytes (${mailBytes}); it was left in the folder "${folder}".`,
  };
}
