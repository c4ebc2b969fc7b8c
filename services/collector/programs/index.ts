import { LOG_PROGRAMS } from '../../shared/settings/collector.ts';
import type { Reading } from '../events.ts';
import { readExim } from './exim.ts';
import { readKnot, readNamed } from './nameservers.ts';
import { readOpendkim } from './opendkim.ts';
import { readOpendmarc } from './opendmarc.ts';
import { readPostfix } from './postfix.ts';
import { readRspamd } from './rspamd.ts';
import { readService } from './services.ts';

export type Program = (typeof LOG_PROGRAMS)[number];

/** Those that do not log whether they sign: of their mail, nothing is known to be unsigned. */
export const SIGN_SILENTLY: readonly Program[] = ['exim', 'ses', 'sendgrid', 'm365'];

const SERVICES: readonly (Program | null)[] = ['ses', 'sendgrid', 'm365'];
/** Mail services, whose lines are JSON. */
export const isService = (program: Program | null): boolean => SERVICES.includes(program);

/**
 * Instances of Postfix have names of their own ("postfix-out/smtp"), services one of theirs beside it
 * ("postfix/submission/smtpd"). `syslog_name` may be any word: what ends in a daemon of Postfix is one.
 */
const POSTFIX =
  /^(?:postfix[\w.-]*\/(?:[\w.:[\]-]+\/)*([\w-]+)|[\w.-]+\/(?:[\w.:[\]-]+\/)*(smtpd?|qmgr|cleanup|pickup|bounce|lmtp|local|virtual|pipe|error|discard|postscreen|tlsproxy|anvil))$/;
const daemonOf = (tag: string): string => {
  const found = POSTFIX.exec(tag);
  return found?.[1] ?? found?.[2] ?? '';
};

/**
 * rsyslog ends the name of a program at its first slash when it writes RFC 5424: all daemons of Postfix are
 * then one.
 */
const CUT = /^postfix(?:-(?!script$)[\w.-]+)?$/;

/** The program that a tag names; null: none of them. */
export function programOf(tag: string): Program | null {
  if (POSTFIX.test(tag) || CUT.test(tag)) return 'postfix';
  const name = tag.toLowerCase();
  if (name === 'exim4' || name === 'exim') return 'exim';
  if (name === 'knotd' || name === 'knot') return 'knot';
  return (LOG_PROGRAMS as readonly string[]).includes(name) && name !== 'postfix' ? (name as Program) : null;
}

/**
 * Reads what a program wrote; null: the line is not known. @param tag as the line has it, such as
 * "postfix/smtp"
 */
export function readProgram(program: Program, tag: string, text: string): Reading | null {
  switch (program) {
    case 'postfix':
      return readPostfix(daemonOf(tag), text);
    case 'opendkim':
      return readOpendkim(text);
    case 'opendmarc':
      return readOpendmarc(text);
    case 'rspamd':
      return readRspamd(text);
    case 'exim':
      return readExim(text);
    case 'named':
      return readNamed(text);
    case 'knot':
      return readKnot(text);
    default:
      return readService(text);
  }
}
