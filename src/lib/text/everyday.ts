import { stemOf } from './words.ts'

/**
 * Everyday English: words with which a question sets its scene ("the box in the basement", "our bank", "I
 * wonder") and which a technical text therefore need not contain. Written for this project; words that name
 * something in computing, and verbs and nouns that a question may hinge on (rename, export, price, weight), are
 * left out on purpose.
 */
const WORDS = `
abroad absent absolute absurd abuse accident accidental accidentally accompany accountant accounting
accurate achieve acquaint across act action actress actual adapt admins admire admit adopt adult adventure
advice advise affair afford afraid afternoon aged ago agree ahead aid aim air airplane airport alarm alas
album alive alone aloud alright amaze ambition ambulance amount amuse ancient angel anger angry ankle
anniversary announce annoy anxious anyways apart apartment apologise apologize apology apparent apparently
appeal appetite apple appointment appreciate approach approve april apron argue argument arise arm army
arrange arrest arrival arrow art article artist ashamed aside asleep aspect assess assist assistant
associate assume assure astonish athlete atmosphere attempt attend attention attic attitude attract
audience august aunt author autumn awake award awful awkward baby bachelor backpack bacon bad badge badly
bag bake baker bakery balance balcony ball balloon banana band bank banker banking bar barber bare barely
bargain bark barn barrel basement basic basically basics basket bath bathroom bathtub battle beach bean
bear beard beat beautiful beauty bed bedroom bee beef beer beforehand beg beginner behalf behind belief
believe bell belly belong beloved belt bench bend benefit berry besides bet betray beverage beware beyond
bicycle bike bird birth birthday biscuit bite bitter black blame blank blanket bleed bless blind blink
bloke blonde blood blossom blue blunt boast boat bodily body boil bold bone book bookcase boot border bore
boring born borrow bosses bother bottle bottom bounce bow bowl boy boyfriend brain brave bread breakfast
breath breathe breeze bribe brick bride bridge brief briefly bright brilliant bring broad broom brother
brown brush bubble bucket buddy bug builder building bull bullet bump bunch burden bureau bureaucracy
burglar burn burning burst bury bush business businesses busy butcher butter butterfly button buy buyer
buzz cabin cabinet cafe cake calm camel camera camp campaign candidate candle candy captain car carbon
care career careful carefully careless carpet carriage carrot carry cart cartoon cat cattle cautious
ceiling celebrate celebrity cellar cent central century ceremony chair chairman champion chance chap
chapter character charity charm chase cheap cheat cheek cheer cheerful cheese chef chemical cherry chess
chest chew chicken chief child childhood children chill chimney chin chocolate choir christmas church
churn churned churning cigarette cinema circle circus citizen city civil claim clap clarify class classic
classroom clay clean cleaner clerk clever clients cliff climate climb cling clinic cloak cloth clothes
clothing cloudy clown club clue clumsy coach coal coast coat coffee coin coincidence cold collapse collar
colleague college color colour comb combine comedy comfort comfortable comic command comment commercial
committee communicate community commute companion comparatively compete competition competitor complain
complaint compliance complicate complicated compliment composer comprehend concept concert conclude
conclusion concrete condition conduct conference confess confidence confident confirm confuse confused
confusing confusion congratulate conscious consequence consequent considerable consist construct consult
consultant consumer contact contain contest continent continual continue contrary contrast contribute
convenience convenient conventional converse convince cook cooker cookie cooking cool copper cord corn
corner corridor cottage cotton couch cough council counter countryside county courage course court cousin
cover cow coward coworker cozy crack cradle craft crawl crazy cream creative creature creep crew crime
criminal crisis critic critical criticise crop cross crowd crowded crown crucial cruel cry ctrl cup
cupboard cure curiosity curious curly curse curtain curve cushion custom customary cute cycle dad daddy
dads daily dairy damage damp dance danger dangerous dare dark darkness darling date daughter dawn day
daylight dead deaf dealer debate decade decent decently decision decorate deep defeat defend definite
definitely delay delicate delicious delight deliver delivery demand demonstrate dentist department
departure deposit depress depth deputy descend describe description desert deserve desire desk desperate
despite dessert destiny destroy detect dev devil devote devs diamond diary dictionary diet differ
difficult difficulty dig digest dignity dilemma dine dinner dip dirt dirty disagree disappear disappoint
disaster discipline discover discovery discuss discussion disease disgust dish dishonest dislike distance
distant distinct distinguish distract distress district disturb dive divide divorce dizzy doctors dodgy
dog doll dollar donate donkey door doorbell dose dot double doubt doubtful downstairs downtown dozen draft
drag drama dramatic draw drawer drawing dread dream dress drink drive driver driveway drop drown drug drum
drunk dry duck due dull dumb dust dusty duty eager ear early earn earring earth earthquake ease east
easter eastern eat economy edge edit editor educate education effect effective efficient effort egg eight
eighteen eighty elbow elder elderly elect elegant elephant eleven embarrass embrace emergency emotion
emotional emphasis employ empty encourage enemy energetic energy engage engineer engineering engineers
enjoy enjoyable enormous enter entertain enthusiasm entire entrance envelope environmental envy episode
equal equally equipment era escape especially essay essential establish estate estimate even evening event
eventually evident evil exact examine excellent except exception exchange excite excited excitement
exciting excuse exercise exhaust exhausted exhibition existence exotic experience experienced experiment
expert explore express expression extra extraordinary extreme extremely eye eyebrow fabric facility
factory fade fail faint fair fairly faith fake fall false fame familiar fan fancy fantastic far farewell
farm farmer fashion fasten fat fate father fault favor favorite favour favourite fear feather february fee
feed feeling female fence festival fever fiction fiddle field fierce fifteen fifth fifty fight figure fill
film finance financial finger fire firm fish fishing fishy fist flag flaky flame flash flat flavor flavour
flesh flexible flight float flood floor flour flow flower flu fluent fly focus fog fold folk folks fond
food fool foolish foot football forbid force forecast forehead foreign forest forever forgive fork formal
former fortnight fortunate fortune forty foundation fountain fourteen fourth fox fragile frame frank
frankly freedom freelancer freeze french frequent frequently fresh friday fridge friendly friendship
frighten frightened frog front frost fruit frustrate frustrated fry fuel fulfil fun function fund funeral
funny fur furious furniture furthermore fuss future gain gallery gamble game gang gap garage garbage
garden garlic gather gear geek gender generation generous genius gentle gentleman genuine gesture ghost
giant gift girl girlfriend glad glance glass glasses glimpse globe gloomy glory glove glow glue goal goat
god gold golden golf gone goodbye goodness goods goofy goose gossip grab grace grade gradual graduate
grain gram grand grandchild grandfather grandmother grandparent grant grape grass grateful grave gravity
gray great greatly greedy green greet grey grief grin grip grocery ground group growth grumpy guarantee
guess guest guide guilt guilty guitar gum gun guys habit hair haircut half hall hammer hand handbag
handful handkerchief handled handsome handy hang happen happily happiness happy harbour hard hardly harm
harsh harvest hat hate hatred haul head headache headline heal healthy hear hearing heart heartbeat heat
heaven heavily heavy hedge heel height hell helmet helpful hence herb hero hesitate hiccup hiccups hidden
high highlight highly hill hint hip history hit hobby hobbyist hog hole holiday holy homelab homework
honest honestly honey honor honour hook hope hopeful hopefully hopeless horizon horn horrible horror horse
hospital hotel hour household housewife huge human humble humor humour hundred hunger hungry hunt hurry
hurt husband hut ice idea ideal ideally identity idiot idle ignorance ill illness illusion illustrate
imagination imitate immediate immense impact impatient imply importance impress impression impressive
improve improvement inch incident incline income incredible indeed independent indicate individual indoor
industrial industry inevitable infant inferior informal inhabit initial initially injure injury ink inn
innocent inquire inquiry insane insect insist inspect inspire instance instant instantly instinct
institute institution instruct instruction instrument insult insurer intellectual intelligence intelligent
intend intense intention interested interesting interfere intern interpret interrupt interval interview
introduce introduction invest investigate investment invitation invite iron irony island itch item jacket
jail jam janitor january jaw jealous jeans jewel jewelry join joint joke journalist journey joy judge
judgement juggle juice july jump june jungle junior jury justice justify keen kick kidnap kidney killer
kilo kilometre kinda kindly kindness king kingdom kiss kitchen kite kitten knee kneel knife knock
knowledge knowledgeable lab laboratory lack ladder lads lady lake lamb lamp land landing landlord
landscape lap late lately latter laugh laughter laundry lawn lawyers lazy leader leadership leaf league
lean learner leather lecture ledge left leftover leftovers leg legend leisure lemon lend length lesson
letter liberal liberty librarian lie life lifestyle lift light lightly lightning likely likewise limb line
lip liquid liquor listen listener literally literature litter live lively liver living loan lobby locate
logical lonely loose lord lorry loud lounge love lovely lover low loyal luck luckily lucky lunch lung lurk
luxury machinery mad madam magazine magic magnificent maid mainly maintain majority makeup male mall
manage manager managers mankind manner mansion manual march marriage married marry mass massive master
mate material mates maths mature maximal mayor meadow meal meanwhile meat mechanic medicine medium meet
meeting melt memorable mental mentally menu merchant mercy mere merely merit merry mess messed messy metal
metre midday midst midway mighty mild mile milk mill million minded mine minister minor minority mirror
miserable misery miss missing mission mist mistake misunderstand mix mixture modern modest moist mom mommy
monday monkey monster month mood moon moral moreover morning mosquito mostly mother motion motive motor
motorcycle mountain mouse moustache mouth movement movie mud multiply mum mumble murder muscle museum
mushroom musical musician mutual mysterious mystery nag nagging nail naive naked nap narrow nasty native
natural nature naughty naval navy neat neatly neck needle negative neglect neighbor neighborhood neighbour
neighbourhood nephew nerd nerve nervous nest neutral nevertheless newbie newly news newspaper nicely
nickname niece night nightmare nine nineteen ninety nobody nod noise noisy none nonetheless nonsense noob
noon nope normal north northern nose nostalgic noticeable notion noun novel november novice nowadays
nuclear nuisance numerous nurse nursery nut oak obey objective obligation observe obstacle obvious
obviously occasion occasional occasionally occupation occupy ocean october odd odds offend offense offer
officer official oil ok okay old older onion oops opera operate operation opinion opponent opportunity
oppose opposite ops optimistic orange orchestra ordinary organ organisation organise organization organize
origin original orphan ought ounce ourselves outcome outdoor outfit outlook outright outstanding oven
overall overcome overnight owe owl ox pace pack pad pain painful paint painter painting pair palace pale
palm pan pants paper paragraph parcel pardon parent parents parish park parking parliament partly partner
party passenger passion passport past pasta pastry path patience patient pave pavement pay peace peaceful
peach peak pear peasant peculiar peek pen pencil penny pension pepper perfect perfectly performance period
permanent personality personally personnel persuade pester pet phase phenomenon philosophy photographer
physical physics piano pick picky picnic pie pig pile pill pillow pilot pink pioneer pipe pity pizza plan
plane planet plant plastic plate platform play player playground pleasant please pleasure plenty plot
pocket poet poetry poison poke pole police policeman polish polite politely political politician politics
pond ponder pool poor popular population pork portrait pose position positive possess possession
possibility postcard potato pound pour poverty powder practical practically practice praise pray prayer
precious precise precisely predict prefer preferably preference pregnant prejudice prepare presence
present president pretend pretty previous previously pride priest primarily primary prime prince princess
principal principle prison prisoner prize probably proceed procurement professional professor profit
progress promise promote prompted promptly pronounce proof prospect prosperity proud psychology pub
publicly publish pull pump pumpkin punch punish punishment pupil puppy purchase pure purely purple purse
pursue push puzzle puzzled qualify quantity quarrel quarter queen queer quest quiet quietly quirky quit
quiz rabbit race rage rail railway rain rainy raise random rare rarely rat rational raw ray razor reaction
reader realistic reality rear reason reasonable reasonably reassure recall recently recipe reckon
recognise recognize recover red reduce refer reflect refrigerator regard regarding regardless region
regret regular regularly regulator reject relation relationship relative relatively relax relief relieve
religion reluctant remark remarkable remind remote rent repair repeat rephrase replace reporter represent
representative republic reputation rescue research researcher resemble reserve reside resign resist resort
respect respectful responsibility responsible restaurant retire retired reveal revenge revolution reward
reworded rhythm rib rice rich ride ridiculous rifle rig ring rise risk risky rival river road roar roast
rob robber robot rock roof rookie room rope rose rough roughly round royal rub rubber rubbish rude ruin
ruler rumor rumour rural rush rusty sack sacred sacrifice sad sadly safely sail sailor sake salad sale
salesman salt salty sand sandwich sanity satisfaction satisfied satisfy saturday sauce saucer sausage
savings scandal scar scarce scare scared scarf scatter scene scenery schedule scheme scholar school
science scientific scientist scissors scold scratch scream sea seal seaside season seat secondly secretary
section seed seek seemingly seldom selfish sell seller semester senator senior sensation sensible
sentiment separate separately september serious seriously servant settle seven seventeen seventy severe
severely sew shade shadow shake shaky shallow shame shape sharp sharply shave sheep sheet shelf shell
shelter shine shiny ship shirt shock shoe shoot shop shopping shore shortly shot shoulder shout shove
shovel shower shrink shrug shy sick sickness sigh sight sign signal significance significant silence silk
silly silver similar similarly simultaneously sin sincere sincerely sing singer sink sir sister sit
situated six sixteen sixty skate ski skill skilled skin skinny skip skirt sky slave sleep sleepy sleeve
slice slide slight slightly slim slip slope sloppy smart smell smile smoke smooth smoothly snack snake
sneak sneaky snow soap sober soccer social society sock sofa soft softly soil solar soldier sole solemn
solid solution solve somehow somewhat son song sooner sore sorrow sorry sort sorta soul soup sour south
southern spare spark speak speaker special specialist specialty species spectacular speech spell spend
spice spicy spider spill spin spirit spite splendid spoil spooky spoon sport spot spread spring square
squeeze stable stadium staff stage stair stairs stake stamp stand star stare startup stash state statement
station statue steady steak steal steam steel steep steer stepmother stick sticky stiff sting stir stomach
stone stool storm story straight straightforward strange stranger strategy straw strawberry stream street
strength stress stretch strict strictly strike strip stroke strong strongly struggle student studio study
stumble stupid sturdy style subject subtle suburb subway success successful successfully suck sudden
suffer sufficient sugar suggest suggestion suicide suit suitable suitcase sum summary summer sun sunday
sunlight sunny sunrise sunset superb superior supermarket supper supply supposedly surely surface surgeon
surgery surprise surprised surprising surprisingly surrender surround survey suspect suspicious swallow
swap swear sweat sweater sweep sweet swell swift swim swimmer swing sword symbol sympathy symptom sysadmin
tail tailor tale talent talented tall tank tap tape taste tasty taxi tea teach teacher tear tease teenage
teenager teeth television temper temporarily temporary tempt tempted ten tend tendency tender tennis tense
tent terrible terribly terrific terrify territory terror testify thankful theater theatre theft theirs
theory therefore thick thief thin third thirsty thirteen thirty thorough thoroughly thought thoughtful
thousand threat threaten three thrill throat throne throw thrown thumb thunder thursday thus tidy tie
tiger tight tightly tin tinker tinkerer tiny tip tire tired tiring title toast tobacco toe toilet tomato
tomorrow ton tone tongue tonight tooth toothbrush topic torch tornado toss totally touch tough tour
tourist towel tower town toy trade tradition traditional tragedy tragic trailer trainee trainer transport
trap travel traveller treasure treatment tree tremble tremendous trend trial tribe trip troop tropical
truck true truly trunk trust truth truthful tube tuck tuesday tune tunnel turkey tutor tv twelve twenty
twice twin twist typical ugh ugly ultimate ultimately umbrella unattended unaware uncle uncomfortable
undergo underneath undo uneasy unexpectedly unfair unfortunate unfortunately unhappy uniform union unique
unite unity universal universe unknown unlike unlikely unlucky unpleasant unsure unusual upfront upper
upset upside upstairs urban urge urgent usage utter vacant vacation vague vain valley valuable van vanish
variety various vary vase vast vegetable vehicle veil venture verb verse vessel vet victim victory view
village violence violent violin virtue visible vision visit visitor vital vivid vocabulary volunteer vow
voyage wage waist wait waiter waitress wake walk wander wanna war wardrobe warm warmth warn warning wary
wash waste watch water wave wax weak weakness wealth wealthy weapon wear weary wed wedding wednesday weed
week weekend weekly weep weird welcome welfare west western wet whale whatsoever wheat wheel whenever
whereas whichever whim whine whip whisper whistle white whoever whoops whopping widely widow width wife
wild wilderness willing willingly win wind window wine wing winner winter wipe wire wisdom wise wit witch
witness wolf woman women wonderful wood wooden wool workday worker workplace workshop worldwide worm
worried worrying worse worship worst worthwhile worthy wound wow wrap wrist writer yard yawn yeah year
yearly yell yellow yep yesterday yield young youngster youth zebra zero zone zoo
`

let stems: ReadonlySet<string> | undefined

/** Compared by its stem, so that one entry stands for its plural and its tenses. */
export function isEverydayStem(stem: string): boolean {
  stems ??= new Set(WORDS.split(/\s+/).filter(Boolean).map(stemOf))
  return stems.has(stem)
}
