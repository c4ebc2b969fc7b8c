/** The counts of a SourceDay besides `messages`. All of them can be added up. */
export const SOURCE_COUNTS = [
  'passed',
  'dkim_aligned',
  'spf_aligned',
  'forwarded',
  'failed_forwarded',
  'failed_authenticated',
  'failed_unauthenticated',
  'failed_foreign_dkim',
  'failed_foreign_spf',
  'delivered',
  'quarantined',
  'rejected',
  'failed_delivered',
  'dkim_broken',
  'failed_signed',
  'failed_list',
  'spf_permerror',
  'spf_temperror',
] as const;
/** The counts of a row of ruawatch.source_days besides `messages`. */
export const ROW_COUNTS = [...SOURCE_COUNTS, 'contradicted', 'failed_subdomain'] as const;
