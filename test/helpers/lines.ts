import { RecordFields } from '../../services/report/aggregate/record.ts';
import type { AggregateRecord } from '../../services/report/model.ts';
import { Problems } from '../../services/report/problem-list.ts';
import * as el from '../../services/report/xml/report-elements.ts';
import { RecordLines } from '../../services/store/reports/record-lines.ts';

/** A record as the reader has it before it becomes a line or an object. */
export function fieldsOf(record: AggregateRecord): RecordFields {
  const fields = new RecordFields(new Problems(), 1_000);
  const put = (what: number, value: string | null) => {
    if (value !== null) fields.setText(what, value);
  };
  fields.begin();
  fields.open(el.ROW);
  put(el.DISPOSITION, record.disposition);
  put(el.E_DKIM, record.dkim);
  put(el.E_SPF, record.spf);
  for (const { type, comment } of record.reasons) {
    fields.open(el.REASON);
    put(el.REASON_TYPE, type);
    put(el.REASON_COMMENT, comment);
  }
  put(el.HEADER_FROM, record.header_from);
  put(el.ENVELOPE_FROM, record.envelope_from);
  put(el.ENVELOPE_TO, record.envelope_to);
  for (const { domain, selector, result, human_result } of record.auth.dkim) {
    fields.open(el.DKIM);
    put(el.D_DOMAIN, domain);
    put(el.D_SELECTOR, selector);
    put(el.D_RESULT, result);
    put(el.D_HUMAN, human_result);
  }
  for (const { domain, scope, result, human_result } of record.auth.spf) {
    fields.open(el.SPF);
    put(el.S_DOMAIN, domain);
    put(el.S_SCOPE, scope);
    put(el.S_RESULT, result);
    put(el.S_HUMAN, human_result);
  }
  fields.count = record.count;
  fields.setAddress(record.source_ip);
  return fields;
}

/** Records of one report as lines of COPY. */
export function linesOf(
  { key, n, begin }: { key: number; n: number; begin: number },
  records: readonly AggregateRecord[],
): Uint8Array {
  const lines = new RecordLines();
  lines.next(key);
  lines.records = n - 1;
  for (const record of records) lines.add(fieldsOf(record), record, begin);
  return lines.take();
}
