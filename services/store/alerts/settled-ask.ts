/** SQL: a mail of the outbox (`o`) asks for decisions, and none of them is wanted any more. */
export const SETTLED_ASK = `o.kind = 'request' and o.webhook is null and o.delivered_to = '{}'
        and exists (select from ruawatch.request_events e where e.event_key = any(o.request_events))
        and not exists (select from ruawatch.request_events e join ruawatch.requests r using (request_key)
                         where e.event_key = any(o.request_events)
                           and (e.event not in ('open', 'stage', 'remind', 'escalate')
                                or (r.state = 'pending' and not exists (select from ruawatch.request_events s
                                     where s.request_key = e.request_key and s.event = 'stage' and s.event_key > e.event_key))))`;
