-- The evidence of findings that are over kept advice that their end has answered. Now it is written without;
-- these are the rows that were written before. Advice about what is merely not seen any more, or what a person
-- closed, still holds.
update ruawatch.findings
   set evidence = jsonb_set(evidence, '{advice}', '[]')
 where state = 'resolved'
   and evidence ? 'advice'
   and coalesce(evidence -> 'ended' -> 'largest' ->> 'reason', evidence -> 'ended' ->> 'reason')
       not in ('no_such_mail', 'no_failing_mail', 'no_passing_mail', 'no_mail', 'no_such_report', 'unrepeated',
               'sent_no_more', 'closed', 'stated');
