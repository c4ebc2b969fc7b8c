import { type Limits, Refusal } from '../limits.ts';
import { decodeBody, type Mail, type MailHead, type MimePart } from '../mail/mime.ts';
import type { FailureReport } from '../model.ts';
import { excerpt } from '../text.ts';
import { failureOf, feedbackFields, isAuthFailure, isNotice, noticeOf, originalOf } from './failure.ts';

/** What a feedback part of a mail is. */
export type Feedback =
  /** `forwarded`: it is in a mail inside the mail. */
  | { name: string | null; report: FailureReport; forwarded: boolean }
  | { name: string | null; refusal: Refusal }
  /** A report of something else, such as a complaint about spam. */
  | { name: string | null; about: string };

const isFeedback = ({ type }: MimePart): boolean => type === 'message/feedback-report';

/**
 * ARF reports (RFC 5965) in a mail: of DMARC failures (RFC 6591, RFC 9991), or of something else.
 */
export function* feedbackIn(mail: Mail, limits: Limits): Generator<Feedback> {
  const parts = mail.parts.filter(isFeedback);
  for (const [index, part] of parts.entries()) {
    const { name } = part;
    try {
      const fields = feedbackFields(decodeBody(part.bytes, part.encoding), limits);
      if (isAuthFailure(fields)) {
        const report = failureOf(fields, originalOfPart(mail, part, { index, limits }), headAround(mail, part));
        yield { name, report, forwarded: part.within.length > 0 };
      } else yield { name, about: excerpt(fields.get('feedback-type')?.[0] ?? 'unknown', 40) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      yield { name, refusal: error };
    }
  }
}

/**
 * The parts of a mail in which reports may be: all but those of mails that are feedback, since these quote
 * what anybody wrote.
 */
export function partsBesideFeedback(mail: Mail): MimePart[] {
  const feedback = mail.parts.filter(isFeedback);
  if (feedback.length === 0) return mail.parts;
  return mail.parts.filter((part) => !feedback.some(({ within }) => isInside(part.within, within)));
}

/**
 * A failure notice in prose, as cPanel and others send it; null when the text is none.
 * @throws Refusal `feedback_too_long`, `header_too_long`, `reported_domain_missing`
 */
export function noticeIn(mail: Mail, part: MimePart, limits: Limits, peek: number): FailureReport | null {
  if (part.type !== 'text/plain') return null;
  if (!isNotice(decodeBody(part.bytes.subarray(0, peek), part.encoding).toString('latin1'))) return null;
  return noticeOf(decodeBody(part.bytes, part.encoding), headAround(mail, part), limits);
}

const isInside = (inner: readonly number[], outer: readonly number[]): boolean => outer.every((id, i) => inner[i] === id);

/** The head of the mail that a part belongs to. */
function headAround(mail: Mail, { within }: MimePart): MailHead {
  const inner = within.length === 0 ? undefined : mail.mails[within[within.length - 1]!];
  // A part that was forwarded without its header was sent by whoever forwarded it.
  return inner === undefined || isEmpty(inner) ? mail : inner;
}

const isEmpty = ({ from, subject, message_id }: MailHead): boolean => from === null && subject === null && message_id === null;

/** The head of the mail that a part of a report is about, which is attached whole or as its header alone. */
export function originalOfPart(
  mail: Mail,
  part: MimePart,
  { index, limits }: { index: number; limits: Limits },
): MailHead | null {
  const { within } = part;
  const whole = mail.mails.filter(
    (one) => one.within.length === within.length + 1 && isInside(one.within, within) && !isEmpty(one),
  );
  const found = whole[index] ?? whole[0];
  if (found !== undefined) return { from: found.from, subject: found.subject, message_id: found.message_id };
  const headers = mail.parts.filter(
    (one) => one.type === 'text/rfc822-headers' && one.within.length === within.length && isInside(one.within, within),
  );
  const header = headers[index] ?? headers[0];
  return header === undefined ? null : originalOf(decodeBody(header.bytes, header.encoding), 0, limits);
}
