import { stemOf } from './words.ts'

/**
 * Everyday English: words with which a question sets its scene ("the box in the basement", "our bank", "I
 * wonder") and which a technical text therefore need not contain. Written for this project; words that name
 * something in computing, and verbs and nouns that a question may hinge on (rename, export, price, weight), are
 * left out on purpose.
 */
const WORDS = `
abroad absent absolute absurd abuse accident accidental accidentally accompany accomplish accountant
accounting accurate achieve acknowledge acquaint acquire across act action actress actual adapt admins
admire admit adopt adult adventure advice advise affair afford aforementioned afraid afternoon afterward
afterwards aged agency aggressive ago agree ahead aid aim air airplane airport alarm alas album alike
alive alone alongside aloud alright alter amaze ambition ambulance amid amount amuse analyse analyze
ancient angel anger angry ankle anniversary announce annoy answerable anticipate anxious anyways apart
apartment apologise apologize apology apparent apparently appeal appetite apple appointment appreciate
approach approve april apron argue argument arise arm army arrange arrest arrival arrive arrow art article
artist ashamed aside asleep aspect assert assess assist assistant associate assume assure astonish athlete
atmosphere attempt attend attention attic attitude attract audience august aunt author autumn await awake
award awful awkward baby bachelor backpack backwards bacon bad badge badly bag bail bake baker bakery
balance balcony ball balloon banana band bank banker banking bar barber bare barely bargain bark barn
barrel basement basic basically basics basket bath bathroom bathtub batter battle beach bean bear beard
beat beautiful beauty became become becomes bed bedroom bee beef beer beforehand beg beginner behalf
behave behind belief believe bell belly belong beloved belt bench benched bend benefit berry besides bet
betray beverage beware bewilder beyond bicycle bike bird birth birthday biscuit bite bitter black blame
blank blanket bleed bless blind blink bloke blonde blood blossom blue blunt boast boat bodily body boil
bold bone book bookcase boot border bore boring born borrow boss bosses bother bottle bottom bounce bow
bowl boy boyfriend brain branch brand brave bread breakfast breath breathe breeze bribe brick bride bridge
brief briefly bright brilliant bring broad broadly broom brother brown brush bubble bucket buddy bug
builder building bulk bull bullet bummer bump bunch burden bureau bureaucracy burglar burn burning burst
bury bush business businesses busy butcher butter butterfly button buy buyer buzz cabin cabinet cafe cake
calm camel camera camp campaign campus candidate candle candy captain car carbon care career careful
carefully careless carpet carriage carrot carry cart cartoon cat cattle cautious ceiling celebrate
celebrity cellar cent central century ceremony chair chairman champion chance chap chapter character
charity charm chase cheap cheaply cheat cheek cheer cheerful cheers cheese chef chemical cherry chess
chest chew chicken chief child childhood childish children chill chimney chin chocolate choir christmas
church churn churned churning cigarette cinema circle circus citizen city civil claim clap clarify clash
class classic classroom clay cleaner clerk clever clients cliff climate climb cling clinic cloak closet
cloth clothes clothing cloudy clown club clue clueless clumsy coach coal coast coat coax coffee coin
coincide coincidence cold collapse collar colleague college color colour comb combine come comedy comfort
comfortable comic command commercial committee communicate community commute companion comparatively
compete competition competitor complain complaint compliance complicate complicated compliment comply
composer comprehend conceivable concept concern concert conclude conclusion concrete condition conduct
conference confess confidence confident confirm confuse confused confusing confusion congratulate
conscious consequence consequent considerable considerably consist consistent constantly construct consult
consultant consumer contact contain contemplate contest continent continual continue contrary contrast
contribute convenience convenient conventional converse convince cook cooker cookie cooking cool cope
copper cord corn corner corridor cottage cotton couch cough council counter counterpart countryside county
courage course court cousin cover cow coward coworker cozy crack cradle craft crawl crazy cream creative
creature creep crew crime criminal crisis critic critical criticise crop cross crowd crowded crown crucial
cruel cry ctrl cup cupboard cure curiosity curious curiously curly curse curtain curve cushion custom
customary cute cycle dad daddy dads daily dairy damage damp dance danger dangerous dare dark darkness
darling date daughter dawn day daylight dead deaf dealer dealing debate decade decent decently decision
decorate deem deep deeply defeat defend definite definitely delay deliberately delicate delicious delight
deliver delivery demand demonstrate dentist department departure deposit depress depth deputy descend
describe description desert deserve desire desk desperate despite dessert destiny destroy detect dev devil
devote devs diamond diary dictionary diet differ difficult difficulty dig digest dignity dilemma dine
dinner dip dirt dirty disagree disappear disappoint disaster discipline discover discovery discuss
discussion disease disgust dish dishonest dislike distance distant distinct distinguish distract distress
district distrust disturb dive divide divorce dizzy doctors dodgy dog doll dollar donate donkey door
doorbell dose dot double doubt doubtful downstairs downtown dozen drag drama dramatic drastic draw drawer
drawing dread dream dress drill drink drive driver driveway drop drown drug drum drunk dry dubious duck
due dull dumb dump dust dusty duty dwell eager ear early earn earring earth earthquake ease easily east
easter eastern eat economy edge edit editor educate education effect effective efficient effort egg eight
eighteen eighty elaborate elbow elder elderly elect elegant elephant eleven elsewhere embarrass embrace
emergency emotion emotional emphasis employ empty encounter encourage endure enemy energetic energy
enforce engage engineer engineering engineers enjoy enjoyable enormous entail enter entertain enthusiasm
entire entitle entrance envelope environmental envy episode equal equally equip equipment era erratic
escape especially essay essential essentially establish estate estimate even evening event eventual
eventually everybody evident evil exact exactly exaggerate examine excellent except exception exchange
excite excited excitement exciting excuse exercise exhaust exhausted exhibition existence exotic
expectation experience experienced experiment expert explanation explicitly explore express expression
extensive extent extra extraordinary extreme extremely eye eyebrow fabric facilitate facility factory fade
fail failing faint fair fairly faith fake fall fallout false fame familiar fan fancy fantastic far
farewell farm farmer fashion fasten fat fate father fault favor favorite favour favourite fear feasible
feather february fee feed feel feeling female fence festival fetch fever fiction fiddle field fierce
fifteen fifth fifty fight figure fill film finance financial finger fire firm firmly fish fishing fishy
fist flag flaky flame flash flat flatmate flavor flavour flesh flexible flight flip float flood floor
flour flow flower flu fluent fly focus fog fold folk folks fond food fool foolish foot football forbid
force forecast forehead foreign forest forever forgetful forgive fork formal former fortnight fortunate
fortunately fortune forty foundation fountain fourteen fourth fox fragile frame frank frankly freedom
freelancer freeze french frequent frequently fresh fret friday fridge friendly friendship frighten
frightened frog front frost fruit frustrate frustrated fry fuel fulfil fully fun function fund
fundamentally funeral funny fur furious furniture further furthermore fuss future gain gallery gamble game
gang gap garage garbage garden garlic gather gear geek gender generally generation generous genius gentle
gentleman genuine gesture ghost giant gift girl girlfriend give glad glance glass glasses glimpse glitch
globe gloomy glory glove glow glue goal goat god gold golden golf gone goodbye goodness goods goofy goose
gossip grab grace grade gradual graduate grain gram grand grandchild grandfather grandmother grandparent
grant grape grasp grass grateful grave gravity gray great greatly greedy green greet grey grief grin grind
grip grocery ground group growth grumpy guarantee guess guest guide guilt guilty guitar gum gun guy guys
habit hair haircut half hall hammer hand handbag handful handkerchief handled handsome handy hang happen
happening happily happiness happy harbour hard hardly harm harsh harvest hat hate hatred haul head
headache headline heal healthy hear hearing heart heartbeat heat heaven heavily heavy heck hedge heel
hefty height hell helmet helpful hence herb hero hesitant hesitate hiccup hiccups hidden high highlight
highly hill hint hip history hit hobby hobbyist hog hole holiday holy homelab homework honest honestly
honey honor honour hook hope hopeful hopefully hopeless horizon horn horrible horror horse hospital hotel
household houses housewife huge human humble humor humour hundred hunger hungry hunt hurry hurt husband
hut hypothetical ice idea ideal ideally identical identity idiot idle ignorance ignore ill illness
illusion illustrate imagination imagine imitate immediate immense impact impatient imply importance
impress impression impressive improper improve improvement inadvertently inch incident incline inclined
income inconvenient incredible incur indeed indefinite independent indicate individual indoor industrial
industry inevitable inevitably infant infer inferior informal inhabit inherent initial initially injure
injury ink inn innocent inquire inquiry insane insanely insect insight insist insofar inspect inspire
instance instant instantly instinct institute institution instruct instruction instrument insult insurer
intact intellectual intelligence intelligent intend intense intention intentional interact interested
interesting interfere intern interpret interrupt interval intervene interview intrinsic introduce
introduction invest investigate investment invitation invite iron irony irrelevant irritate island itch
item jacket jail jam janitor january jaw jealous jeans jeopardy jewel jewelry join joint joke journalist
journey joy judge judgement juggle juice july jump june jungle junior jury justice justify keen kick
kidnap kidney killer kilo kilometre kinda kindly kindness kindof king kingdom kiss kitchen kite kitten
knee kneel knife knock knowingly knowledge knowledgeable lab laboratory lack ladder lads lady lake lamb
lamp land landing landlord landscape lap lastly late lately latter laugh laughter laundry lawn lawyers
lazy leader leadership leaf league lean leap learner leather lecture ledge left leftover leftovers leg
legend legit leisure lemon lend length lengthy lesson let letter liberal liberty librarian lie life
lifestyle lift light lightly lightning lightweight likely likewise limb line linger lip liquid liquor
listen listener literally literature litter little live lively liver living loan lobby locate logical
lonely look loose loosely lord lorry loud lounge love lovely lover low loyal luck luckily lucky lunch lung
lurk luxury machinery mad madam magazine magic magnificent maid mainly majority make makeup male
malfunction mall manage manageable manager managers manifest mankind manner mansion manual march marriage
married marry mass massive master mate material mates maths mature maximal mayor meadow meal meaningful
meantime meanwhile meat mechanic meddle medicine medium meet meeting melt memorable mental mentally menu
merchant mercy mere merely merit merry mess messed messy metal metre midday midst midway mighty mild mile
milk mill million mimic minded mine minister ministry minor minority mirror miserable misery mislead
misplace miss missing mission mist mistake misunderstand mix mixed mixture moderate modern modest moist
mom mommy monday monkey monster month mood moon moral moreover morning mosquito mostly mother motion
motivate motive motor motorcycle mountain mouse moustache mouth movement movie mud multiply mum mumble
municipality murder muscle museum mushroom musical musician mutual mysterious mystery nag nagging nail
naive naked nap narrow nasty native natural nature naughty naval navy nearby neat neatly necessity neck
needle negative neglect neighbor neighborhood neighbour neighbourhood nephew nerd nerve nervous nest
neutral nevertheless newbie newly news newspaper nicely nickname niece night nightly nightmare nine
nineteen ninety nobody nod noise noisy none nonetheless nonprofit nonsense noob noon nope normal north
northern nose nostalgic noticeable noticeably notion notwithstanding noun novel november novice nowadays
nuance nuclear nuisance numerous nurse nursery nut oak obey objective obligation obscure observe obstacle
obvious obviously occasion occasional occasionally occupation occupy occur ocean october odd oddly odds
offend offense offer officer official oil ok okay old older ongoing onion onwards oops opera operate
operation opinion opponent opportunity oppose opposite ops optimistic orange orchestra orderly ordinarily
ordinary organ organisation organise organization organize origin original orphan ought ounce ourselves
outcome outdoor outfit outline outlook outrageous outright outstanding oven overall overcome overly
overnight oversee owe owl ox pace pack pad pain painful painless painter painting pair palace pale palm
pan pants paper paragraph parcel pardon parent parents parish park parking parliament particularly partly
partner party passenger passion past pasta pastry path patience patient pave pavement pay peace peaceful
peach peak pear peasant peculiar peculiarly peek pen pencil penny pension pepper per perceive perfect
perfectly performance permanent permanently persistently personality personally personnel persuade pertain
pester pet phase phenomenon philosophy photographer physical physics piano pick picky picnic pie pig pile
pill pillow pilot pink pioneer pipe pity pizza plainly plan plane planet plant plastic plate platform
plausible play player playground pleasant please pleasure plenty plot plus pocket poet poetry poison poke
pole police policeman polish polite politely political politician politics pond ponder pool poor poorly
popular population pork portrait pose position positive possess possession possibility possibly postcard
potato pound pour poverty powder practical practically practice praise pray prayer precaution precede
precious precise precisely predict predictable prefer preferably preference pregnant prejudice prepare
presence present president presumably pretend pretty prevail previous previously pride priest primarily
primary prime prince princess principal principally principle prior prison prisoner prize probable
probably problematic proceed procurement professional professor profit profound progress promise promote
prompted promptly prone pronounce proof proper prospect prosperity proud prove provided proximity
psychology pub publicly publish pull pump pumpkin punch punish punishment pupil puppy purchase pure purely
purple purse pursue push puzzle puzzled qualify quantity quarrel quarter queen queer quest quiet quietly
quirky quit quiz rabbit race rage rail railway rain rainy raise random rare rarely rat rather rational raw
ray razor reaction reader ready realise realistic reality realize rear reason reasonable reasonably
reassurance reassure recall recently recipe reckon recognise recognize recover recurring red reduce refer
reflect refrigerator regard regarding regardless region regret regular regularly regulator reject relation
relationship relative relatively relax relevant reliable reliably relief relieve religion reluctant rely
remark remarkable remedy remind remote rent repair repeat repeatedly rephrase replace reportedly reporter
represent representative republic reputation rescue research researcher resemble reserve reside resign
resist resolve resort respect respectful respective responsibility responsible restaurant retire retired
retrospect reveal revenge revolution reward reworded rhythm rib rice rich ride ridiculous ridiculously
rifle rig rightly rigid ring rise risk risky rival river road roar roast rob robber robot robust rock roof
rookie room roommate rope rose rough roughly round royal rub rubber rubbish rude ruin ruler rumor rumour
rural rush rusty sack sacred sacrifice sad sadly safely sail sailor sake salad sale salesman salt salty
salvage sand sandwich sanity satisfaction satisfied satisfy saturday sauce saucer sausage savings scandal
scar scarce scare scared scarf scatter scattered scenario scene scenery schedule scheme scholar school
science scientific scientist scissors scold scratch scream sea seal seaside season seat secondly secretary
secretly section seed seek seem seemingly seldom selfish sell seller semester senator senior sensation
sensible sensibly sentiment separate separately september serious seriously servant settle seven seventeen
seventy severe severely sew shade shadow shake shaky shallow shame shape sharp sharply shave shed sheep
sheer sheet shelf shell shelter shine shiny ship shirt shock shoe shoot shop shopping shore shortcoming
shortly shot shoulder shout shove shovel shower showing shrink shrug shy sick sickness sigh sight sign
signal significance significant silence silk silly silver similar similarly simplest simply simultaneously
sin sincere sincerely sing singer sink sir sister sit situated six sixteen sixty skate skeptical ski skill
skilled skin skinny skip skirt sky slave sleep sleepy sleeve slice slide slight slightly slim slip slope
sloppy smart smell smile smoke smooth smoothly snack snag snake sneak sneaky snow soap sober soccer social
society sock sofa soft softly soil solar soldier sole solely solemn solid solution solve someday somehow
sometime somewhat son song soon sooner sore sorrow sorry sort sorta soul soup sour south southern spare
spark speak speaker special specialist specialty species specifically spectacular speech spell spend spice
spicy spider spill spin spirit spite splendid spoil spontaneous spooky spoon sport spot spread spring
square squeeze stable stadium staff stage stair stairs stake stand star stare startled startup stash state
statement station statue steadily steady steak steal steam steel steep steer stepmother stick sticky stiff
sting stir stomach stone stool storm story straight straightforward strange stranger strategy straw
strawberry stray stream street strength stress stretch strict strictest strictly strike strip stroke
strong strongly struggle stuck student studio study stumble stupid sturdy style subject subsequent
substantial subtle suburb subway succeed success successful successfully suck sudden suffer suffice
sufficient sugar suggest suggestion suicide suit suitable suitably suitcase sum summary summer sun sunday
sunlight sunny sunrise sunset superb superfluous superior supermarket supper supply supposed supposedly
surely surface surgeon surgery surpass surplus surprise surprised surprising surprisingly surrender
surround survey suspect suspicious sustain swallow swap swear sweat sweater sweep sweet swell swift swim
swimmer swing sword symbol sympathy symptom sysadmin tackle tail tailor tale talent talented tall tangible
tank tap tape taste tasty taxi tea teach teacher teammate tear tease technically teenage teenager teeth
television temper temporarily temporary tempt tempted tempting ten tend tendency tender tennis tense tent
terrible terribly terrific terrify territory terror testify thankful theater theatre theft theirs theory
thereby therefore thereof thick thief thin think third thirsty thirteen thirty thorny thorough thoroughly
thought thoughtful thoughts thousand threat threaten three thrill throat throne throw thrown thumb thunder
thursday thus tidy tie tiger tight tightly tin tinker tinkerer tiny tip tire tired tiring title toast
tobacco toe together toilet tolerate tomato tomorrow ton tone tongue tonight tooth toothbrush topic torch
tornado toss totally touch touchy tough tour tourist towel tower town toy trade tradition traditional
tragedy tragic trailer trainee trainer transport trap travel traveller treasure treatment tree tremble
tremendous trend trial tribe trick tricked trip troop tropical troublesome truck true truly trunk trust
truth truthful tube tuck tuesday tune tunnel turkey tutor tv twelve twenty twin twist twofold typical
typically ugh ugly ultimate ultimately umbrella unacceptable unattended unavoidable unaware uncertain
uncle unclear uncomfortable undergo underneath undesirable undoubtedly uneasy unexpectedly unfair
unfortunate unfortunately unhappy uniform unintended union unique unite unity universal universe unknown
unlike unlikely unlucky unpleasant unrelated unsure unusual upcoming upfront upper upset upside upstairs
urban urge urgent usage utter utterly vacant vacation vague vain valley valuable van vanish variety
various vary vase vast vastly vegetable vehicle veil venture verb verse vessel vet vice victim victory
view vigilant village violate violation violence violent violin virtually virtue visible vision visit
visitor vital vivid vocabulary void volunteer vow voyage vulnerable wage waist wait waiter waitress wake
walk wander wanna war wardrobe warehouse warm warmth warn warning wary wash waste watch water wave wax
weak weakness wealth wealthy weapon wear weary wed wedding wednesday weed week weekend weekly weep weird
welcome welfare west western wet whale whatnot whatsoever wheat wheel whenever whereas whichever whim
whine whip whisper whistle white whoever whoops whopping widely widespread widow width wife wild
wilderness willing willingly win wind window wine wing winner winter wipe wire wisdom wise wisely wished
wit witch witness woe wolf woman women wonder wonderful wood wooden wool workday worker workplace workshop
worldwide worm worried worrisome worrying worse worship worst worthless worthwhile worthy wound wow wrap
wreck wrist writer wrongly yard yawn yeah year yearly yell yellow yep yesterday yield young youngster
youth zebra zero zoo
`

/** Letters that no ending takes away: words are stemmed in groups that share them, when first asked for. */
const SHARED = 2
let words: ReadonlyMap<string, readonly string[]> | undefined
const stems = new Map<string, ReadonlySet<string>>()

/** Compared by its stem, so that one entry stands for its plural and its tenses. */
export function isEverydayStem(stem: string): boolean {
  const letters = stem.slice(0, SHARED)
  let group = stems.get(letters)
  if (group === undefined) {
    words ??= Map.groupBy(WORDS.trim().split(/\s+/), (word) => word.slice(0, SHARED))
    const found = words.get(letters)
    if (found === undefined) return false
    group = new Set(found.map(stemOf))
    stems.set(letters, group)
  }
  return group.has(stem)
}
