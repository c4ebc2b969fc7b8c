import type { Random } from '../../demo/random.ts';
import { poisson } from '../draws.ts';

/** The own domain of every world. */
export const DOMAIN = 'example.com';
/** A Monday. */
export const BEGIN = Date.parse('2026-03-02T00:00:00Z');
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const DAYS = 14;

/** Somebody who sends, as a source of logs that ships its lines. */
export interface Workload {
  name: string;
  environment?: string;
  /** Mails a day. */
  rate: number;
}

export interface Mail {
  workload: Workload;
  at: number;
  /** The selector; null: unsigned. */
  signed: string | null;
  /** Empty: a bounce. */
  from?: string;
  to?: string;
  refused?: string;
}

/** What should be mailed of a world: a kind and its subject, from a moment on. */
export interface Expected {
  kind: string;
  subject: string;
  from: number;
}

/** One domain whose servers write logs, whose keys are in DNS, and whose mail is reported. */
export class LogWorld {
  readonly random: Random;
  readonly lines: { arrives: number; workload: Workload; text: string }[] = [];
  /** Much mail, which is given as the sums of a day. */
  readonly bulk: { day: number; workload: Workload; selector: string; to: string; messages: number }[] = [];
  /** What DNS answers of a key from a moment on. */
  readonly keys: { selector: string; from: number; state: 'records' | 'absent' | 'unknown' }[] = [];
  /** What a reporter counts of a day from an address. */
  readonly reports: { day: number; reporter: string; domain: string; address: string; messages: number; passed: number }[] = [];
  readonly expected: Expected[] = [];
  /** Workloads that mail-guard.yaml declares, by environment; null: no file. */
  declared: { environment: string; name: string; domain: string }[] | null = null;
  /** Days on which whole logs of a workload's source are written every hour, so that they show no gap. */
  egress = '192.0.2.0/28';
  #id = 0x100000;

  constructor(random: Random) {
    this.random = random;
    this.keys.push({ selector: 's1', from: BEGIN, state: 'records' });
  }

  /**
   * The usual mail of a workload.
   * @param delay what its shipper adds to the time of a line; null: the line is lost
   */
  traffic(
    workload: Workload,
    given: { from?: number; to?: number; signed?: (at: number) => string | null; delay?: (at: number) => number | null } = {},
  ): void {
    const { from = BEGIN, to = BEGIN + DAYS * DAY, signed = () => 's1', delay } = given;
    for (let hour = from; hour < to; hour += HOUR) {
      const night = new Date(hour).getUTCHours() < 6;
      const n = poisson(this.random, (workload.rate / 24) * (night ? 0.3 : 1.2));
      for (let i = 0; i < n; i++) {
        const at = hour + Math.floor(this.random.next() * HOUR);
        if (at < to) this.mail({ workload, at, signed: signed(at) }, delay);
      }
    }
  }

  mail(mail: Mail, delay: (at: number) => number | null = () => 5_000): void {
    const id = (this.#id++).toString(16).toUpperCase();
    for (const text of linesOf(id, mail)) {
      const late = delay(mail.at);
      if (late !== null) this.lines.push({ arrives: mail.at + late, workload: mail.workload, text });
    }
  }

  expect(kind: string, subject: string, from: number): void {
    this.expected.push({ kind, subject, from });
  }
}

/** As findings name a workload. */
export const subjectOf = ({ name, environment = 'production' }: Workload): string => `eu-1/${environment}/${name}`;

/** What Postfix and OpenDKIM write about a mail. */
function linesOf(
  id: string,
  { workload, at, signed, from = `news@${DOMAIN}`, to = 'bob@receiver.example', refused }: Mail,
): string[] {
  const time = new Date(at).toISOString();
  const line = (tag: string, text: string) => `${time} mx-${workload.name} ${tag}[7]: ${id}: ${text}`;
  const status = refused === undefined ? 'status=sent (250 ok)' : `status=bounced (host mx said: ${refused})`;
  return [
    line('postfix/smtpd', `client=${workload.name}-0.${workload.name}[10.1.2.3]`),
    line('postfix/cleanup', `message-id=<${id}.${at}@${workload.name}.${DOMAIN}>`),
    ...(signed === null ? [] : [line('opendkim', `DKIM-Signature field added (s=${signed}, d=${DOMAIN})`)]),
    line('postfix/qmgr', `from=<${from}>, size=500, nrcpt=1 (queue active)`),
    line(
      'postfix/smtp',
      `to=<${to}>, relay=mx.receiver.example[203.0.113.5]:25, delay=1, delays=0.1/0/0.5/0.4, dsn=${refused === undefined ? '2.0.0' : refused.split(' ')[1]}, ${status}`,
    ),
    line('postfix/qmgr', 'removed'),
  ];
}
