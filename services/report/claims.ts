/**
 * What a mail claims to be by its subject, and an attachment by its name or type: what it is, its bytes
 * decide.
 */

/** A report's file name: receiver!domain!begin!end (RFC 7489 section 7.2.1.1, RFC 9990 section 5.3). */
const REPORT_NAME = /![^!]*!(\d{9,11})!(\d{9,11})(?=[!.]|$)/;
/** The same with other separators, as some programs write it, or with the word in it. */
const LIKE_REPORT_NAME = /(?:^|[^\d])\d{9,11}[!_~-]\d{9,11}(?!\d)|\b(?:dmarc|tls-?rpt)\b.*\.(?:xml|json|zip|gz|tgz|tar)\b/i;
/** RFC 7489 section 7.2.1.1, RFC 8460 section 5.3, and what programs make of it. */
const REPORT_SUBJECT = /report[\s_-]*domain\s*:/i;
const ARCHIVE_NAME = /\.(?:gz|gzip|tgz|zip|tar)$/i;
const ARCHIVE_TYPE = /^(?:application|multipart)\/(?:x-)?(?:gzip|gunzip|gzip-compressed|zip|zip-compressed|tar|tlsrpt\+gzip)$/;

/** Whether a subject announces a report. */
export function announcesReport(subject: string | null): boolean {
  return REPORT_SUBJECT.test(subject ?? '');
}

/**
 * A failure report (RFC 6591) that lost its structure, such as one that was quoted in an answer: behind signs
 * of any kind, and the initials that some programs put before them (`JD> `).
 */
const FAILURE_FIELD =
  /^[^A-Za-z0-9\r\n]{0,80}(?:[A-Za-z]{1,4}[ \t]?>[^A-Za-z0-9\r\n]{0,80})?Feedback-Type[ \t]*:[ \t]*auth-failure\b/im;

/** Whether a text has the field that makes a failure report. */
export function announcesFailure(text: string): boolean {
  return FAILURE_FIELD.test(text);
}

/** Whether a file name is that of a report. */
export function namesReport(name: string | null): boolean {
  return name !== null && (REPORT_NAME.test(name) || LIKE_REPORT_NAME.test(name.slice(0, 1_000)));
}

/** The date range in the file name of a report. */
export function datesIn(name: string | null): { begin: number; end: number } | null {
  const match = name === null ? null : REPORT_NAME.exec(name);
  return match === null ? null : { begin: Number(match[1]), end: Number(match[2]) };
}

/** Whether a file name, or a content type in lower case, is that of an archive that can be opened. */
export function namesArchive(name: string | null, type: string | null): boolean {
  return ARCHIVE_NAME.test(name?.trim() ?? '') || ARCHIVE_TYPE.test(type ?? '');
}
