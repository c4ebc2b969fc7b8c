/** What a good alarm reports, in the words of whoever runs the mail. */
export type What =
  /** Mail in the domain's name from strangers, failing both mechanisms. */
  | 'forged'
  /** The same from hundreds of networks. */
  | 'botnet'
  /** The same in the name of a subdomain. */
  | 'forged_subdomain'
  /** Strangers send in the domain's name through a service or a host that the domain uses as well. */
  | 'abused_service'
  /** A rightful sender's DKIM or SPF fails. */
  | 'broken'
  /** SPF ends in permerror or temperror while DKIM still passes. */
  | 'spf_error'
  /** Part of a sender's mail comes from where its SPF record does not reach. */
  | 'outgrown_record'
  /** A rightful service that was never set up: what it signs is its own. */
  | 'unaligned'
  /** Mail that passes, from where nobody said that any would come. */
  | 'new_sender'
  /** The same with a key of the domain's that another sender uses at the same time. */
  | 'stolen_key'
  /** Many times the usual mail through a sender that passes: an account or a server was taken over. */
  | 'takeover'
  /** Nobody reports on the domain any more. */
  | 'no_reports'
  /** One large reporter stops for the domain. */
  | 'reporter_silent'
  /** Reports in a reporter's name that it did not write. */
  | 'forged_reports'
  /** A reporter's verdicts contradict its own results. */
  | 'contradiction'
  /** The published policy is weaker than it was. */
  | 'policy_weakened';

export type Severity = 'info' | 'low' | 'medium' | 'high' | 'critical';

/** What must be reported, and how. */
export interface Expectation {
  what: What;
  /** First and last report day. */
  from: number;
  to: number;
  /** The mildest and the gravest severity that is right for the first mail. */
  least?: Severity;
  most?: Severity;
  /** It may be reported and need not be: alarms about it count neither way. */
  optional?: boolean;
  /** What the first mail must say, and what none may say (subject or text). */
  says?: readonly RegExp[];
  never?: readonly RegExp[];
}
