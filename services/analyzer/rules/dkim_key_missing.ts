import { lostRule } from './lost.ts';

/**
 * Mail is signed with a DKIM key that receivers do not find: it was withdrawn or revoked while it was in use,
 * or is not published at all. A key whose mail ended a week before it was withdrawn is not missed.
 */
export const dkimKeyMissing = lostRule('dkim_key_missing', ({ loss }) => loss.startsWith('key_'));
