import { counted, number } from '../../shared/format.ts';

/** Texts of the pages that lead through an empty installation. */
export const setupWords = {
  setup: {
    title: 'Set up',
    lead: 'From an empty installation to the first report. Each step says whether it is done.',
    states: { done: 'done', todo: 'to do', wrong: 'not yet right' },
    step_domain: 'Add your domain',
    no_domain: 'No domain of yours is known yet.',
    domains: (n: number) => `${counted(n, 'domain is', 'domains are')} yours.`,
    domain: 'Domain',
    add: 'Add',
    added_here: 'added in the console',
    look_at: 'Show the steps for',
    step_record: 'Ask for reports',
    no_address:
      'The address that reports should go to is not known: add it to its mailbox in ruawatch.yaml (addresses, under mailboxes).',
    publish_record: (domain: string) =>
      `Publish this record where the DNS of ${domain} is kept. p=none changes nothing for anybody's mail. If there is a DMARC record already, the check below says what to change in it.`,
    change_record: 'There is a record already. Change it to this one, which keeps what it says and adds your mailbox:',
    name: 'Name',
    type: 'Type',
    value: 'Value',
    external: (domain: string, mailbox: string) =>
      `The mailbox is in another domain, ${mailbox}. So that receivers may send reports about ${domain} there, publish this record in the DNS of ${mailbox}, too:`,
    check_dns: 'Ask DNS now',
    record_there: 'DNS has it: receivers send their first reports within a day or two.',
    record_there_not_accepted: 'The DMARC record is there. The record of the other domain is not: receivers send nothing.',
    record_other: 'DNS has a DMARC record that does not name your mailbox.',
    record_missing: 'DNS has no DMARC record for this domain yet. New records may take some minutes to be seen.',
    dns_trouble: (why: string) => `DNS did not answer: ${why}`,
    step_mail: 'Mailbox and mail server',
    no_mailbox: 'No mailbox is set: set IMAP_URL, or list mailboxes in ruawatch.yaml.',
    no_smtp: 'SMTP_URL is not set: nobody is mailed.',
    mailbox: (name: string) => `Mailbox ${name}`,
    smtp: 'Mail server',
    check_mail: 'Connect now',
    step_trust: 'Whose word counts',
    trust_later:
      'Anybody can mail a report. Each is checked for a proof of its sender; the first mails will show how well that works here.',
    trust_proposed: (id: string) =>
      `The server ${id} writes at the top of nearly every mail what it verified. To let its word count, set in ruawatch.yaml:`,
    trust_warning:
      'Do so only if this server is yours or your provider’s, and removes such fields that come from outside (docs/trust.md).',
    step_report: 'The first report',
    reports_come: (domain: string) => `Reports about ${domain} arrive, so a DMARC record asks for them.`,
    report_waits: (domain: string) =>
      `No proven report about ${domain} has come yet. Receivers send reports once a day, about the day before.`,
    report_came: (at: string) => `The newest came at ${at}:`,
    report_of: (at: string) => `The newest of the chosen domain came at ${at}:`,
  },
  upload: {
    title: 'Upload report files',
    instead: 'Older reports can be read as well.',
    lead: 'Mails (.eml, .msg), XML, gzip and zip files with reports. They prove no more than a mail does: what is not signed has no effect on findings.',
    files: 'Files',
    hint: 'Choose files, or drop them onto the field. 64 MB at once; “ruawatch import” reads whole folders.',
    send: 'Upload',
    result: 'What became of them',
    waits: 'The parser reads them; this page is loaded again every five seconds.',
    no_form: 'Files are sent by the form of this page.',
    no_file: 'Choose a file first.',
    too_large: (mb: number, files: number) =>
      `That is more than ${mb} MB or ${files} files: send fewer at once, or use “ruawatch import”.`,
    file_too_large: (name: string, bytes: number) => `${name} is larger than ${number(bytes)} bytes (limits.mailBytes).`,
  },
};
