import { printable } from '../privacy.ts';
import { givenBySendgrid, givenBySes } from '../programs/services.ts';
import { partOfRecord } from './partial.ts';
import type { Place, Raw } from './raw.ts';
import { readTime } from './time.ts';

/*
 * Fields of records as shippers send them: Fluent Bit (parsers syslog-rfc3164, syslog-rfc5424, docker and
 * cri, filter kubernetes), Vector (sources syslog, journald, file, docker_logs and kubernetes_logs), journald
 * itself, rsyslog (jsonmesg), syslog-ng (format-json), Elastic Common Schema (Filebeat), and rspamd's own
 * JSON.
 */
const TEXT = ['message', 'log', 'msg', 'MESSAGE', 'short_message'];
const TIME = ['timestamp', '@timestamp', 'time', 'date', '__REALTIME_TIMESTAMP', 'timereported', 'ISODATE', 'DATE', 'ts'];
const HOST = ['hostname', 'host', '_HOSTNAME', 'HOSTNAME', '_hostname', 'HOST'];
const TAG = [
  'appname',
  'ident',
  'SYSLOG_IDENTIFIER',
  'app_name',
  'syslogtag',
  'syslog-tag',
  'PROGRAM',
  'program',
  'syslog_identifier',
];
const FILE = ['file', 'path', 'filename', 'log_file'];

const MOST_LABELS = 40;
const MOST_LABEL = 200;

const string = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
const object = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
/** journald writes what is no plain text as a list of octets. */
const octets = (value: unknown): string | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((one) => Number.isInteger(one) && one >= 0 && one < 256)
    ? Buffer.from(value as number[]).toString('utf8')
    : undefined;
const first = (record: Record<string, unknown>, names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = string(record[name]);
    if (value !== undefined) return value;
  }
  return undefined;
};

/**
 * One record of a shipper, or one event of a mail service. Null: it has no text that could be a line.
 * @param now milliseconds since the epoch
 */
export function rawOf(value: unknown, now: number): Raw | null {
  if (typeof value === 'string') return { text: value };
  const record = object(value);
  if (record === undefined) return null;
  const given = givenBySes(record) ?? givenBySendgrid(record);
  if (given !== null)
    return { text: given.text, tag: given.program, host: given.program, ...(given.at === null ? {} : { at: given.at }) };
  const text = first(record, TEXT) ?? octets(record.MESSAGE);
  // Fluent Bit's filter `kubernetes` with `Merge_Log` puts JSON of the line under this name, and drops the
  // line.
  const merged = text === undefined ? object(record.log_processed) : undefined;
  if (merged !== undefined) return rawOf({ ...record, log_processed: undefined, ...merged }, now);
  if (text === undefined) return null;
  const raw: Raw = { text: text.replace(/\r?\n$/, '').replace(/^ /, '') };
  // rspamd's JSON has the function beside what it says.
  if (record.function === 'rspamd_task_write_log') {
    raw.text = `rspamd_task_write_log: ${raw.text}`;
    raw.tag = 'rspamd';
  }
  const at = timeOf(record, now);
  if (at !== null) raw.at = at;
  const host = first(record, HOST) ?? string(object(record.host)?.name) ?? string(object(record.host)?.hostname);
  if (host !== undefined) raw.host = host;
  const tag = first(record, TAG) ?? string(object(object(record.log)?.syslog)?.appname) ?? string(object(record.process)?.name);
  // "postfix/smtp[7]:"
  if (tag !== undefined) raw.tag = tag.replace(/(?:\[\d+\])?:?$/, '');
  const place = placeOf(record);
  if (place !== undefined) raw.place = place;
  // The container's name is the program's where a container runs one program and the line has no tag.
  const container = place?.container ?? string(record.container_name);
  if (raw.tag === undefined && container !== undefined) raw.tag = container.replace(/^\//, '');
  const part = partOfRecord(record);
  if (part !== undefined) raw.part = part;
  const file = first(record, FILE);
  const offset = string(record.offset) ?? string(record._offset);
  if (file !== undefined && offset !== undefined) raw.position = `${file}:${offset}`;
  return raw;
}

function timeOf(record: Record<string, unknown>, now: number): number | null {
  for (const name of TIME) {
    const value = record[name];
    if (typeof value === 'number' && Number.isFinite(value)) {
      // Seconds with a fraction (Fluent Bit's "double"), or milliseconds ("epoch_ms").
      return value > 1e14 ? value / 1000 : value > 1e11 ? value : value * 1000;
    }
    if (typeof value !== 'string') continue;
    if (/^\d{16}$/.test(value)) return Number(value) / 1000;
    const at = readTime(value, now);
    if (at !== null) return at;
  }
  return null;
}

function placeOf(record: Record<string, unknown>): Place | undefined {
  const kubernetes = object(record.kubernetes);
  const workload = string(record.workload);
  if (kubernetes === undefined && workload === undefined) return undefined;
  const place: Place = {};
  const put = (key: 'workload' | 'namespace' | 'pod' | 'container', value: string | undefined) => {
    if (value !== undefined) place[key] = printable(value.slice(0, MOST_LABEL));
  };
  put('workload', workload);
  put('namespace', string(kubernetes?.namespace_name) ?? string(kubernetes?.pod_namespace) ?? string(kubernetes?.namespace));
  put('pod', string(kubernetes?.pod_name) ?? string(object(kubernetes?.pod)?.name));
  put('container', string(kubernetes?.container_name) ?? string(object(kubernetes?.container)?.name));
  const labels = object(kubernetes?.labels) ?? object(kubernetes?.pod_labels);
  if (labels !== undefined) {
    place.labels = {};
    for (const [name, label] of Object.entries(labels).slice(0, MOST_LABELS))
      if (typeof label === 'string') place.labels[printable(name.slice(0, MOST_LABEL))] = printable(label.slice(0, MOST_LABEL));
  }
  return place;
}
