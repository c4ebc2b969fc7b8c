/**
 * Words of a remote about authentication, as receivers write them (Gmail 5.7.26 and 5.7.27, Outlook 5.7.509
 * and 5.7.515, Yahoo, GMX).
 */
const ABOUT =
  /\bDMARC\b|\bDKIM\b|\bSPF\b|unauthenticated|not authenticated|authentication (?:checks?|requirements?)|5\.7\.(?:26|27|30|509|515)\b/i;

/** Whether a receiver's answer speaks of DMARC, SPF or DKIM. @param status RFC 3463 */
export const speaksOfAuthentication = (status: string, words: string): boolean => ABOUT.test(`${status} ${words}`);
