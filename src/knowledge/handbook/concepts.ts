/**
 * What people call the things that the handbook speaks of, by concept. Words of one line may stand for one
 * another; a word may be in several lines. A line `a b > c d` reads one way: the words before the sign may be
 * answered by those after it, not the reverse, because the first are narrower or only sometimes mean the same.
 * A line too many lets a near miss pass for an answer, so a line states a concept and not an association.
 */
export const CONCEPTS = `
credential credentials secret apikey > key secret
token > key secret bearer
key > secret credential
password passwords passphrase > passwords accounts
authenticate authentication auth authorise authorize login signin logon > key authorization authenticate
permission permissions permit permits permitted entitlement entitled privilege rights access allowed may > scope allow permit use
scope scopes scoped restriction restrict restricted restricts confine confined > scope limit restrict
limit limits limited cap caps capped bound bounds bounded ceiling quota threshold > limit cap bound most
rate ratelimit throttle throttled throttling > rate slow queue_full
disable disables disabled deactivate off > off deny switch disable
enable enables enabled activate activated opt > allow enable switch
remove erase wipe delete deleted deletion purge uninstall cleanup discard > delete remove erase uninstall
gone leftovers traces > delete remove
expire expires expired expiry expiration lifetime ttl validity valid > expire expires expired expiry valid
leaked leak stolen compromised exposed published > leak
revoke revoked invalidate withdraw cancel block > revoke
rotate rotation rotated renew renewal replace replaced swap reissue roll > rotate replace rotation
grace overlap downtime interruption > grace interruption
downtime uptime availability redundancy redundant failover highly ha > instances replica failover
price prices pricing priced pricelist tariff > price cost
cost costs costing expensive cheap > cost price
pay paid pays bill bills billed billing billable charge charged charges spend spending spent budget budgets money expense expenses dollars usd > spend cost cap budget money charge bill
provider vendor supplier cloud hosted saas openai > provider cloud engine
backend upstream engine inference server > engine
cloud remote external online internet outside > cloud off
local locally offline onprem premises inhouse > local machine offline loopback
machine box host computer laptop desktop workstation pc nuc rig node server hardware macbook > machine computer hardware
node nodes instance instances > instance replica server
crash crashes crashed crashing die dies died killed kill sigkill oom segfault panic abort > crash die kill dies
power electricity electric blackout outage ups mains brownout unplugged > power electricity
electricity energy watt wattage kwh consumption > electricity watts
lose loses losing lost loss missing vanish disappear > lose loss lost
audit auditor trail evidence proof history journal ledger > log record
log logs logged logging logfile > log record
record records recorded entry entries > record log entry
store stores stored save saved saves saving persist persisted persistent retain retained retention kept keep keeps remember > store keep kept written stored retention
stateful state data > state home data
prompt prompts chat chats conversation conversations message messages dialogue > prompt message conversation
folder directory dir path location drive volume mount > folder home file volume directory
network lan subnet intranet > network
ip address hostname host domain dns > address host
failure fail fails failed failing broken break breaks error errors fault problem > fail failure error
overloaded overload busy saturated saturation spike burst peak flood congestion > busy queue load
retry retries retried retrying repeat resend reattempt again > retry tried retried repeat
backoff wait pause > retry wait slow
fallback failover reroute redirect > failover replica another
timeout timeouts deadline hang hangs hung hanging stuck frozen freeze unresponsive > time timeout silent deadline
latency delay slow slower slowdown speed overhead fast performance > slower latency overhead time
stop stops stopped shutdown terminate terminated quit exit halt sigterm sigint > stop drain shutdown
drain drains draining graceful gracefully orderly > drain draining
inflight ongoing running active pending > running accepted flight
cutoff aborted abort cancelled canceled interrupted > abort aborted
restart restarts reboot rebooted bounce relaunch > restart start restarts
gpu gpus cuda vram graphics card nvidia accelerator > graphics card gpu
docker podman container containers containerized containerised compose image pod pods kubernetes k8s helm > container
pod pods kubernetes k8s > container kubernetes
mount mounted volume volumes > mounted volume mount
tls ssl https encrypt encrypted encryption transit > tls https encrypt
https tls ssl > tls https certificate
cert certs certificate certificates ca pki authority > certificate authority
rest disk drive > disk
encrypt encrypted encryption encrypts cipher > encrypt encryption
picture pictures photo photos photograph screenshot image images jpeg png vision multimodal > image
url urls uri hyperlink link links > link address url
domain hostname > host
email mail emails > mail
pii personal private sensitive confidential gdpr > personal privacy
anonymise anonymize pseudonymise mask masked masking scrub scrubbed hide hidden obfuscate redact redacted redaction sanitise sanitize strip > redact redacted redaction replace mask
name names > names
postal home street address addresses > address addresses
moderate moderation censor filter filtered filtering screen screens screening > guard screen
injection jailbreak > injection jailbreak
validate validated validation verify verified verification check checked checks checking confirm prove proven genuine > check validate verified compare
hallucinate hallucination invent invented fabricate fabricated madeup > invent
reference references cite cites cited citation citations source sources footnote > citation source reference
quote quotes quoted quotation quotations excerpt snippet verbatim > quote quotation
modify modified edit edited alter altered update updated reword reworded rewrite rewritten revised change changed changes amend > change changed edit
version versions release releases build > version
install installs installation setup deploy deployment > install installation
upgrade upgrades upgrading update updating newer > update version newer
downgrade rollback revert older previous earlier > older downgrade
migrate migrates migration migrated move switch > migrate migrated change
prerequisite prerequisites requirement requirements require required requires needed mandatory need > need needs requirements prerequisites
status healthy alive liveness heartbeat up > health ready alive
monitor monitoring observability prometheus grafana telemetry metric metrics figures statistics > metrics monitoring
ui gui dashboard frontend webui interface console > console interface dashboard
healthcheck healthchecks healthz livez probe probes readyz readiness > health ready probe
user users people person caller callers client clients customer customers consumer tenant intern colleague employee friend guest member coworker kid child > caller user client person people application
app apps program programs application applications service bot script integration software tool > application program
code codebase program > code application
admin admins administrator administrators root superuser sysadmin operator > owner administer
owner > administrator
correct valid right accurate true > true valid fits correct
free gratis charge > free
licence license licensed licences licenses licensing legal legally legalese > licence license
telemetry analytics tracking spyware callhome beacon > telemetry
truncate truncated truncates truncation trim trimmed clip clipped swallow swallows swallowed shorten shortened chop chopped > cut cuts truncation truncated short
wait waits waiting waited queue queued queues queueing queuing line backlog > wait queue
refuse refused refuses refusal reject rejected rejects rejection deny denied denies block blocked blocks bounce turned > refuse refused reject
decline declines declined abstain unanswered > decline declines
command commands cli terminal shell console > command
example examples sample demo > example
replica replicas copies duplicate duplicates instance instances > replica instance
anonymous unauthenticated public keyless open > key public unauthenticated
concurrent concurrently parallel simultaneous simultaneously > simultaneous parallel concurrent
overshoot overshooting overspend overspending overrun exceed exceeds exceeded surpass blow > exceed exceeds
reserve reserved reserves reservation hold held holdback escrow earmark upfront > reserve reserved reservation
settle settled settlement reconcile > settled replaced
budget allowance > cap allowance
reset resets restart renews renewed replenish refill refilled rollover > afresh reset
midnight utc day daily > midnight daily day
picks pick picked choose chooses chosen choice choosing choices select selects selected selection decide decides decided decision decides determine determines pickup settle settles > decide choose pick decision
routing route routes routed router dispatch dispatches assign assigned steer > route decide routing
cleverest smartest strongest huge biggest powerful priciest frontier flagship largest premium top > expert largest
small smallest weak tiny lightweight little cheapest > fast small
medium middle intermediate > mid
escalate escalates escalated escalation upgrade bump > expert shift
difficulty hard hardness complexity complex difficult demanding tough score points > difficulty points hard
reasoning think thinking deliberate effort > reasoning deliberate effort
response responses reply replies output answer answers answered completion completions result > answer output
request requests query queries call calls prompt question questions asked > request question
stream streamed streaming streams sse chunk chunks tokenwise incremental > stream
schema schemas structured json format > schema json
function functions tool tools plugin plugins > tool tools
execute executes executed execution run runs > execute run
setting settings option options configure configured configures configuration configurable config parameter parameters knob tune customise customize adjust change toggle flag > setting configuration set option
env environment variable variables envvar > environment variable
default defaults unset unconfigured standard > default
precedence priority order wins override overrides overridden overrule > precedence wins earlier override
maximum max largest longest biggest most upper > limit cap most longest largest maximum
minimum min least lowest fewest > least minimum
size sized sizes big large long length > size bytes length long
context window ctx > context
context_length num_ctx > context
body payload upload > body
message > text
spec specification description openapi swagger schema contract machine > description openapi specification
endpoint endpoints route routes path paths url > route endpoint path
sdk library libraries generator > clients library
header headers > header
spanish french german italian chinese japanese foreign language languages english multilingual > language languages english
cache caches cached caching memoize > cache
duplicate identical same twice > same identical
disconnect disconnects disconnected hang hangup close closes closed leave leaves goes abandon abandons > disconnects aborts away closed
generate generates generating generation producing churn churning compute > generating generate
exitcode exit returncode status > exit code
code codes > code
port ports listen listens bind binds > port listen
proxy proxies > proxy
reachable reach connect connects connection expose exposed > reachable reach connect
discover discovers discovery discovered detect detects detected detection autodetect scan scans scanning find finds found pick picked pickup > find looks discovery recognises
corporate company enterprise bank internal organisation own private > own private corporate
document documents doc docs pdf pdfs wiki file files notes sharepoint confluence page pages website manual > document documents handbook pages files
handbook documentation manual docs guide > handbook documentation
search searches searching lookup rag retrieve retrieval index indexed find > search retrieve retrieval index
backing supported supports evidence grounds basis support > supports support
conclude concludes judge judges determine > decide judge
word words term vocabulary > word words
cluster clustered scale scaling scaleout horizontal > several instances cluster
share shares shared sharing together common > share shared
database db sqlite postgres postgresql mysql > database
disk space storage room full ssd filesystem > disk space
full exhausted fills room > full disk
backup backups backed snapshot restore > back backup snapshot
memory ram > memory
cpu core cores processor processors > cpu cores processor
os linux windows macos ubuntu debian > linux macos windows
service daemon systemd unit background > service systemd
phone > telephone
tier tiers level class grade category > tier
point points > points
tokens token length > tokens
unlimited omit omits omitted absent without unspecified > neither without
alias aliases nickname mapping map maps mapped > alias map
pin pinned force forced fix fixed specific particular exact > exact name
reachability unreachable refused > unreachable
unauthorized unauthorised 401 > unauthorized
forbidden 403 > scope
invoice order > order
luhn checksum > checksum
creditcard card cards visa mastercard > card cards
mistake mistaking confuse false positive > mistaken
trust trusted whitelist allowlist safelist > trusted trust
exfiltrate exfiltration smuggle leak steal > smuggle
malicious manipulated poisoned harmful evil attack attacker hostile > malicious manipulated
repair repairs repaired fix fixes fixed correct heal > repair
breaker unhealthy tripped trips blacklist sidelined ejected > breaker failing
cooldown comeback recover recovers recovery readmit > cool back
loadbalancer loadbalancing balancing balance balanced spread distribute distributed > spread balancing load
training train trained finetune finetuning > train training fine
cheap cheapest > cheapest
benefit advantage advantages why purpose point worth > why
difference differ differs compared comparison versus vs alternative alternatives > different
roadmap planned upcoming future missing > planned part version
available availability offered > available
month monthly week weekly > monthly
report reports reporting > reports
team teams department departments group > team
rounding currency cents euro euros > dollar micro
gapless sequence number > sequence
grep jq awk tool tools > jq grep
torn corrupt corrupted corruption damaged incomplete partial > incomplete
tamper tampering forge forged sealed > tamper sealed
multi many several multiple > several
regex regexp expression pattern > pattern expression
screenshot scan jpg drawing > image images
dashboards dashboard graph graphs chart charts kpi > metrics figures console
numbers number count counts figure > figures number counters
level levels strongest size > tier tiers
master > owner
typo mistake misspelt misspelled mistyped wrong > misspelt wrong unknown
cheaper cheap affordable inexpensive save saving > cheapest cost
dead unhealthy offline broken unavailable > failing fails fail
backend backends endpoint upstream > engine replica
browser webpage website site > web page browser
attack attacker hack hacker exploit abuse > attack rebinding smuggle malicious
ide editor vscode completion completions autocomplete > editors completion schema
regulator regulators auditor compliance gdpr > log record
held hold period duration > retention
left leaves leave exits > leaves left
allowance > cap allowed
finance accounting controller > cost
zero nothing 0 > zero unpriced nothing
strip strips stripped drop drops dropped discard discarded > removed cut passed
survive survives > survives keeps
exotic extra additional vendor nonstandard > extra unknown
member members property attribute attributes field fields > field fields
colleague coworker teammate wife husband partner housemate friend > people person
fresh anew > afresh reset
internet web public publicly > internet network reachable
scripts script job jobs cron bot > application
ram gigabytes > memory
prove proves evidence demonstrate > proof verified record
bug bugs defect > bug internal
startup boot boots booting > start starts
queue waiting line > queue wait
stale outdated old > changed older
loses forgets forgotten > lose loses
halfway midway midstream middle > middle
clean cleaned cleanup > delete
keyfile > key file
suddenly abruptly > short
recognise recognize identify identifies spot spots notice notices distinguish > recognises recognise detect
contact contacts talk talks ping pings dial > contacts contacted sends connecting
display displays print prints view views show shows visible see inspect > shows shown prints list
enumerate overview summary inventory > list lists shows
preserve preserves hold > keeps keep
recover recovers recovery restore restores resume resumes > restored recovers
impose imposes forces enforce enforces enforced > imposes enforces
override overrides overrule overrules > overrule wins precedence
sort sorts classify classifies categorise categorize bucket placed > sorts sorted tier
finish finishes finished complete completes end ends > finish finished ends
begin begins begun start starts started > begins start starts
copy copied copies paraphrase > quote quotes copy
forward forwards forwarded relay relays pass passed passes proxy > passed passes forwards sent
transmit transmits transmitted post posts submit submits send sends sent transfer > send sends sent
contain contains include includes consist comprise > holds contains
protect protects protected secure secured safeguard > readable encrypt hash
warn warns warned warning alert alerts alerted notify > warns warning says
explain explains justify justified reason reasons why rationale > reasons reason
trick tricked fool fooled manipulate bypass circumvent bypassed > manipulated bypassed
spread evenly balanced share split > spreads
quickly immediately instantly instant once straightaway > once next immediately
permanent permanently forever irreversible > never revived grows
undo undone reverse reactivate revive > revived
temporary temporarily short > expires
hash hashed hashes sha digest fingerprint checksum > hash hashes checksum
plaintext cleartext readable > plain
guess guesses guessing speculate > guessing decline
ship ships plane train submarine > offline
voice speech spoken > audio
poll polls polled refresh refreshes > seconds looks
rack datacenter datacentre basement closet > machine network
dedupe deduplicate > afresh
flood flooding spam > queue
sluggish laggy > slow slower
unread consumer > unread slow
embed embedded bundled builtin include > built
kilobytes megabytes gigabytes mb gb mib > mib bytes
answerable unanswerable > decline
sidecar > container
seat seats > people
`

/** Phrases that mean more than their words, and the one word that stands for them. Longest first. */
export const PHRASES: readonly (readonly [pattern: RegExp, word: string])[] = [
  [/\b(?:phones?|calls?|calling|phoning|report(?:s|ing)?) home\b/gi, 'telemetry'],
  [/\b(?:get|got|getting) rid of\b/gi, 'remove'],
  [/\b(?:done|finished|through) with (?:it|this|upshift)\b/gi, 'uninstall'],
  [/\b(?:clean|wipe)(?:ed|ing)? (?:it |everything |all )?(?:up|out|off)\b/gi, 'remove'],
  [
    /\b(?:roll|rolled|rolling|go|going|revert) back(?= to| from|\b.*\b(?:version|release|upgrade|update))/gi,
    'downgrade',
  ],
  [/\b(?:back|backs|backing) off\b/gi, 'retry wait'],
  [/\btr(?:y|ies|ying) (?:it |that |them )?(?:again|once more)\b/gi, 'retry'],
  [/\b(?:cut|cuts|cutting|chopped?|clipp?(?:ed|s)?) (?:off|short)\b/gi, 'cut abort'],
  [
    /\b(?:turn|turned|turning|switch|switched|switching|shut) (?:it |this |that |them )?off\b/gi,
    'disable off',
  ],
  [/\b(?:turn|turned|turning|switch|switched|switching) (?:it |this |that |them )?on\b/gi, 'enable allow'],
  [/\bshut(?:s|ting)? (?:it )?down\b/gi, 'shutdown'],
  [/\b(?:log|sign)(?:s|ging|ing)? (?:in|on)(?:to)?\b/gi, 'login'],
  [/\b(?:set|sets|setting) (?:it )?up\b/gi, 'install'],
  [/\bmak(?:e|es|ing|ing) (?:things |stuff |something |it )up\b/gi, 'invent'],
  [/\bmade[- ]up\b/gi, 'invented'],
  [/\b(?:go(?:es)?|going|went) (?:down|offline|away|dark)\b/gi, 'fail down'],
  [/\b(?:hang(?:s|ing)?|hung) up\b/gi, 'disconnect'],
  [/\brun(?:s|ning)? out of (?:money|budget|funds)\b/gi, 'cap exhausted'],
  [/\brun(?:s|ning)? out of (?:space|room|disk)\b/gi, 'disk full'],
  [/\bno (?:room|space)(?: is)? left\b/gi, 'full space'],
  [/\bfill(?:s|ed|ing)? up\b/gi, 'full'],
  [/\bhigh[- ]availability\b/gi, 'availability instances'],
  [/\bpower (?:cut|outage|went|goes|loss|failure|failed)\b/gi, 'power failure'],
  [/\bthe power (?:went|goes|fails|failed|cuts?)(?: out)?\b/gi, 'power failure'],
  [/\bpull(?:s|ed|ing)? the plug\b/gi, 'power failure'],
  [/\bfront end\b/gi, 'frontend'],
  [/\bat rest\b/gi, 'disk encrypted'],
  [/\bair[- ]gapped\b/gi, 'offline airgapped'],
  [/\bopen[- ]source\b/gi, 'licence source'],
  [/\b(?:exit|return|status) (?:code|status|value)s?\b/gi, 'exit code'],
  [/\bhow come\b/gi, 'why'],
]
