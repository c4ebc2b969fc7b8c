import type { Policy } from '../../dns/dmarc/record.ts';
import type { SpfResult } from '../../dns/spf/evaluate.ts';

/** What one DKIM signature proved (RFC 8601 section 2.7.1). */
export interface DkimResult {
  domain: string;
  selector: string;
  result: 'pass' | 'fail' | 'policy' | 'temperror' | 'permerror';
  /** A sentence's part; null for a pass. */
  why: string | null;
  /** With the author's domain (RFC 9989 section 4.4). */
  aligned: boolean;
}

/** What was found about who wrote a mail. */
export interface Results {
  spf: {
    result: SpfResult;
    /** Of MAIL FROM; of HELO for a bounce, which has no sender. Empty when there is neither. */
    domain: string;
    identity: 'mailfrom' | 'helo';
    why: string | null;
    aligned: boolean;
  };
  dkim: DkimResult[];
  arc: {
    result: 'none' | 'pass' | 'fail' | 'temperror';
    /** The domains that sealed, the first one first. */
    sealers: readonly string[];
    why: string | null;
  };
  dmarc: {
    result: 'pass' | 'fail' | 'none' | 'temperror' | 'permerror';
    /** Of the author; null when it is not clear who that is. */
    domain: string | null;
    policy: Policy | null;
    /** Whose record has the policy. */
    at: string | null;
    why: string | null;
  };
  /**
   * Whether an aligned mechanism proves the author's domain, whatever it publishes. `unknown`: a name server
   * did not answer that could have made the difference.
   */
  authenticated: 'yes' | 'no' | 'unknown';
  /**
   * The sealer whose word is that the mail passed DMARC before it was changed; all that sealed are trusted.
   */
  vouched_by: string | null;
  /** As in dmarc.sources, for the author's domain; null without an author. */
  source: string | null;
}
