import { stemOf } from '../lib/text/words.ts'

/**
 * What a user may call a thing, and what the handbook calls it. One-way and short on purpose: each row widens
 * what is found, and a row too many lets a near miss pass for an answer. Read as "the first words may be
 * answered by the words after the colon".
 */
const ROWS = `
credential credentials: key secret
authenticate authentication login auth: key authorization
permission permissions permit permitted allowed: scope allow
restrict restricted limit limited: scope limit cap bound
disable deactivate: off deny switch
enable activate: allow
remove erase wipe: delete remove
delete: delete remove
expire expiry expiration lifetime: expire expires
leaked stolen compromised: leak
invalidate withdraw: revoke
price pricing cost expensive cheap: cost price
pay paid spend spending budget: cap spend cost budget money
quota: cap
provider vendor: engine provider cloud
backend upstream: engine
cloud hosted remote external: cloud off
local locally offline onprem: local machine offline
crash crashes killed dies die: crash die kill
outage blackout: power failure
lose lost loss: lose loss
audit history journal logs logging logged: log record
store stored save saved persist persisted kept: store write keep
prompt prompts conversation conversations chat chats: prompt message conversation
folder directory path location: folder home file
machine computer laptop box host pc: machine
network lan: network
failure fail fails failing broken: fail failure error
overloaded busy saturated: busy queue
retry retries retried: retry
fallback failover: failover replica another
timeout timeouts: time out
slow latency speed: slow slower time
stop shutdown terminate kill quit exit: stop drain
restart reboot: restart start
gpu gpus graphics: graphics card
docker podman image: container
ssl https tls: tls https
cert certs certificate certificates: certificate
picture pictures photo photos: image
url urls hyperlink: link address
email mail: mail
pii private personal sensitive: personal privacy
anonymise anonymize mask masked hide hidden: redact redaction replace
moderate censor filter: guard
validate validated verify verified verification check checked: check validate verified compare
hallucinate hallucination invent: invent quote
reference references source sources: citation source
quote quotes quoted: quote quotation
modified edited altered updated: change
version versions: version
install installation setup: install
upgrade: update
switch migrate: change
status healthy alive: health ready
monitor monitoring observability prometheus: metrics
ui gui dashboard frontend webui: console page
healthcheck healthchecks: health
laptop desktop workstation: machine computer
folder: home folder
XX
intern colleague employee friend guest: person application
valid correct: valid fits
sentence: answer
stuck hang hangs hanging frozen freeze: time-out silent
add enter: set add configure
spent: spent spending
forget forgets: remember restored
admin: owner
photo image images: image
machines computers: machines
setting settings option options configure configured configuration config: configuration setting
env variable variables: environment variable
default defaults: default
maximum max largest longest biggest: limit cap most longest largest
minimum min: least
size sized: bytes size
decide decides chosen choose choice choosing pick picks picked select selects selected selection: decide choose pick decision
cleverest smartest strongest huge biggest powerful: expert largest
small smallest weak tiny: fast small
escalate escalates escalated escalation: expert shift
response responses reply replies output: answer output
request requests query queries call calls: request
stream streamed streaming streams: stream
schema schemas structured: schema
function functions tool tools: tool
user users people caller callers client clients: caller person application client
app apps program application: application
admin administrator: owner
start launch boot run: start
free: free
licence license licensed: licence license
telemetry analytics tracking: telemetry
truncate truncated truncation cut: cut truncation
wait waits waiting: wait queue
refuse refused refuses reject rejected rejects denied deny blocked block blocks: refuse
decline declines declined: decline
command commands cli terminal: command
example sample: example
replicas copies instance instances server servers: replica instance server
mandatory required requires: need
erased forget: delete
anonymous unauthenticated public: key
concurrent concurrently parallel simultaneous simultaneously: simultaneous parallel
`

export interface Alternative {
  readonly raw: string
  readonly stem: string
}

/** Stem of a user's word → words that may stand for it in the handbook. */
export const SYNONYMS: ReadonlyMap<string, readonly Alternative[]> = read(ROWS)

function read(rows: string): Map<string, Alternative[]> {
  const map = new Map<string, Alternative[]>()
  for (const row of rows.trim().split('\n')) {
    const [from = '', to = ''] = row.split(':')
    const targets = to
      .trim()
      .split(/\s+/)
      .map((raw) => ({ raw, stem: stemOf(raw) }))
    for (const word of from.trim().split(/\s+/).map(stemOf)) {
      const known = map.get(word) ?? []
      const fresh = targets.filter(
        (one) => one.stem !== word && !known.some((other) => other.stem === one.stem),
      )
      map.set(word, [...known, ...fresh])
    }
  }
  return map
}
