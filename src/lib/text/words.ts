import { hasSpaceless, spacelessWords } from './spaceless.ts'
import { stem } from './stem.ts'

/** One word of a text: it stands (UTF-16 offsets) and what it is compared by. */
export interface Word {
  readonly raw: string
  readonly stem: string
  readonly start: number
  readonly end: number
}

const WORD = /[\p{L}\p{N}]+/gu
const MARKS = /\p{M}/gu

/**
 * The words of a text, as SQLite's unicode61 would cut them, stemmed; at most `limit` of them. Scripts without spaces
 * are cut into their words.
 */
export function wordsOf(text: string, limit = Number.POSITIVE_INFINITY): Word[] {
  const found: Word[] = []
  if (hasSpaceless(text)) {
    for (const { raw, start } of spacelessWords(text)) {
      if (found.length >= limit) break
      found.push({ raw, stem: stemOf(raw), start, end: start + raw.length })
    }
    return found
  }
  for (const match of text.matchAll(WORD)) {
    if (found.length >= limit) break
    const raw = match[0]
    found.push({ raw, stem: stemOf(raw), start: match.index, end: match.index + raw.length })
  }
  return found
}

/** One word as it is compared: lower case, no accents, no ending. The marks of scripts without spaces are letters. */
export function stemOf(raw: string): string {
  const known = stems.get(raw)
  if (known !== undefined) return known
  const lower = raw.toLowerCase()
  const plain = ASCII.test(lower) ? lower : unmarked(lower)
  const found = plain === 'https' ? plain : stem(plain) // not the plural of http
  if (stems.size >= MAX_STEMS) stems.clear()
  if (raw.length <= MAX_STEMMED) stems.set(raw, found)
  return found
}

function unmarked(lower: string): string {
  return hasSpaceless(lower) ? lower.normalize('NFKC') : lower.normalize('NFD').replace(MARKS, '')
}

/** Stems that were worked out already, by word: texts repeat their words. At the bound they are dropped whole. */
const stems = new Map<string, string>()
const MAX_STEMS = 8_192
/** A longer word is not kept: UTF-16 units. */
const MAX_STEMMED = 32
const ASCII = /^[a-z0-9]+$/

/** Words that say how a question is asked and never what about. Compared unstemmed, in lower case. */
const EMPTY = new Set(
  (
    'when where who why a about above after again all also am an and any are aren as at be because been before being below between both but ' +
    'by can cannot could couldn d did didn do does doesn doing don down during each every exactly few for from further had has ' +
    'hasn have haven having he her here hers him his how i if in into is isn it its itself just let ll m may me might more ' +
    'most much must my need no nor not now of off on once one only or other our out over own please re s same shall she ' +
    'should so some such t tell than that the their them then there these they this those through to too under until up ' +
    'us ve very was wasn way we were what whats where whether which while whom whose will with within without ' +
    'won would wouldn you your yours upshift explain describe actually really anyone anybody someone somebody else ever ' +
    'hi hello hey thanks possible behind across along among around beside besides beyond despite inside near onto outside ' +
    'per since throughout toward towards upon via rather however maybe perhaps simply quite already almost anyway ' +
    'sometimes usually together otherwise anywhere somewhere everywhere nowhere whatever whenever wherever though although ' +
    'because against unless yes thank dear something anything nothing everything without halfway'
  ).split(' '),
)

/** Words of every day that carry little of a question's subject: they count, but less. */
const FAINT = new Set(
  (
    'able add allow always ask available back become begin bring call case change check choose come connect create ' +
    'decide default different difference else enable everything find first get getting give go good got handle happen happens ' +
    'help instead keep kind know last like list long look make many mean means move name never new old open particular ' +
    'person people place possible put read right run running say see send set setting show several something start ' +
    'still stop support take tell thing things think time today try turn two type use used user using value want wants ' +
    'work works yet best better bit blow blowing certain clear common complete concern consider correct couple ' +
    'current deal detail easy enough entire entirely exist exists expect face fact feel figure final fine follow full general grow ' +
    'hold idea imagine important inform interest involve issue job later lead leave let main matter mention mind moment ' +
    'necessary nice normal note obtain occur okay part perform piece plain point problem proper properly provide real ' +
    'recommend relate relevant rest result return seem short side simple single situation specific stuff succeed suppose ' +
    'sure system talk total treat understand usual various visit way ways whole wish wonder world worry wrong went goes going ' +
    'gone came comes coming done doing made making took taking gave giving sits behave behaves does available actual ' +
    'automatically protect protects prevent prevents avoid avoids ensure ensures cause causes notice realise realize determine depend depends ' +
    'affect affects influence trigger triggers survive survives catch trick tricky hint tip worth ready office company team colleague ' +
    'colleagues boss intern customer customers employee developer developers friend guy guys kid family world trouble ' +
    'currently normally typically basically generally really properly correctly directly immediately suddenly eventually ' +
    'forget forgets remain remains stay stays apply applies react reacts respond responds appear appears fit fits grab ' +
    'arrive arrives reach reaches turned turns next previous given certain various bunch lot lots kinds sorts form forms role ' +
    'meaning meant sense aware possible tells told came needed needs middle looked impossible useful useless kind comes handle handles treats treated dealt ' +
    'gateway product software somewhere ok normal chance polite built ' +
    'big bigger biggest little large small quick quickly fast soon often away anything'
  ).split(' '),
)
FAINT.delete('fast')

export function isEmptyWord(raw: string): boolean {
  return EMPTY.has(raw.toLowerCase())
}

export function isFaintWord(raw: string): boolean {
  return FAINT.has(raw.toLowerCase())
}
