/** A window of one stream, for whoever asks: what a reader may see is not asked, which makes the comparison stricter. */
export const longRead = `
  from stream.streams s
  join stream.events e on e.tenant_id = s.tenant_id and e.stream_id = s.id
  where s.uuid = $1 and e.ts >= $2 and e.ts <= $3`;
