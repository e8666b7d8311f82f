/** The grammar of one language, as far as a question's form can be read without parsing it. */
export interface Grammar {
  readonly code: string
  /** Articles, pronouns, prepositions, conjunctions, auxiliaries, question words: never what a text is about. */
  readonly empty: string
  /** Verbs of being and measuring: a question's, where its answer may well use another. */
  readonly faint: string
  /**
   * Asks for a figure, as a pattern. What it matches says nothing else: "how many", but of "how heavy" only "how", since a
   * text that says how large a thing is does not answer that.
   */
  readonly quantity: string
  /** Asks "which": the word behind it is what the question hinges on. Empty where the word stands elsewhere. */
  readonly which: string
  /** Numbers and frequencies in words, as a pattern. */
  readonly figure: string
}

/**
 * Closed classes of words, from the grammars of the languages themselves. Written with their accents; who writes
 * without them is understood too (language.ts).
 */
export const GRAMMARS: readonly Grammar[] = [
  {
    code: 'de',
    empty:
      'der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner keines ich du er sie es wir ' +
      'ihr mich dich ihn uns euch mir dir ihm ihnen sich mein meine meinen meinem meiner meines dein deine deinen deinem ' +
      'deiner sein seine seinen seinem seiner seines ihre ihren ihrem ihrer ihres unser unsere unseren unserem unserer euer ' +
      'eure man jemand niemand etwas nichts alles alle allen aller jeder jede jedes jeden jedem beide dies dieser diese ' +
      'dieses diesen diesem jener jene jenes welche welcher welches welchen welchem wer wen wem wessen was wann wo wohin ' +
      'woher warum wieso weshalb wozu womit wofür wofuer wodurch woran worauf woraus worin wovon wobei worüber wonach wie ' +
      'in im ins an am ans auf aus bei beim bis durch für fuer gegen hinter mit nach neben ohne seit über ueber um unter ' +
      'von vom vor während waehrend wegen zu zum zur zwischen ab außer statt trotz und oder aber denn sondern dass daß ob ' +
      'wenn weil als bevor nachdem damit sowie entweder weder noch doch falls obwohl bin bist ist sind seid war waren wäre ' +
      'gewesen habe hast hat haben hatte hatten hätte gehabt werde wirst wird werden wurde wurden würde worden geworden ' +
      'kann kannst können koennen konnte könnte muss muß müssen muessen musste soll sollen sollte darf dürfen duerfen ' +
      'durfte will wollen wollte mag möchte mögen lassen lässt nicht auch nur schon sehr so da dann hier dort jetzt immer ' +
      'wieder mal bitte eigentlich genau etwa viel viele vielen mehr daran darauf darin davon dazu dabei dafür',
    faint:
      'gibt geben macht machen tut tun geht gehen heißt heissen bedeutet dauert dauern gilt gelten beträgt betragen liegt ' +
      'befindet kommt steht braucht brauche benötigt oft lange möglich',
    quantity:
      'wie (?:viele?[nrsm]?|oft|häufig|lange|hoch|gro(?:ß|ss))|wie(?= (?:lang|schwer|weit|breit|tief|teuer|alt|schnell|warm|hei(?:ß|ss)))',
    which: 'welche[rsnm]?|was für (?:eine?[nrm]?)?',
    figure:
      'null|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|hundert|tausend|million(?:en)?|halb\\p{L}*|' +
      'einmal|zweimal|dreimal|doppelt|täglich\\p{L}*|wöchentlich\\p{L}*|monatlich\\p{L}*|jährlich\\p{L}*|jede[nsm]?|keine?',
  },
  {
    code: 'fr',
    empty:
      'le la les l un une des du de d au aux je tu il elle on nous vous ils elles me m te t se s lui leur leurs y en ce c cet ' +
      'cette ces cela ça ceci celui celle ceux celles mon ma mes ton ta tes son sa ses notre nos votre vos qui que qu quoi ' +
      'dont où quand comment pourquoi combien quel quelle quels quelles lequel laquelle lesquels lesquelles quelque ' +
      'quelques chaque tout toute tous toutes aucun aucune rien personne à dans par pour sur sous avec sans chez entre ' +
      'vers depuis pendant avant après contre dès jusque jusqu lors selon et ou mais donc or ni car si comme lorsque ' +
      'lorsqu puisque puisqu quoique afin est es suis sommes êtes sont était étaient été être sera seront soit serait ai as ' +
      'a avons avez ont avait avaient eu avoir aura auront ait aurait fait faire font faut doit doivent devez dois devoir ' +
      'peut peux peuvent pouvez pouvoir puis va vont vais ne n pas plus moins très aussi bien déjà encore ici là alors ' +
      'puis même non oui j',
    faint:
      'signifie veut dire dure durer vaut situe trouve trouvent utilise utiliser sert possible besoin souvent longtemps temps fois',
    quantity:
      'combien(?: de (?:temps|fois)| d)?|(?:à|a) quelle fréquence|tous les combien|quel(?:le)? (?:est|sont) (?:le|la|les) (?:nombre|durée|quantité)',
    which: 'quel(?:le)?s?',
    figure:
      'zéro|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|quinze|vingt|trente|quarante|cinquante|cents?|mille|' +
      'millions?|demi\\p{L}*|double|chaque|tous les|toutes les|quotidien\\p{L}*|hebdomadaire\\p{L}*|mensuel\\p{L}*|annuel\\p{L}*|aucune?',
  },
  {
    code: 'es',
    empty:
      'el la los las lo un una unos unas yo tú él ella ello nosotros nosotras vosotros ustedes usted ellos ellas me te se nos ' +
      'os le les mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta estos estas ese esa esos esas esto eso ' +
      'aquel aquella qué que quién quiénes cuál cuáles cuándo cuando dónde donde adónde cómo como cuánto cuánta cuántos ' +
      'cuántas cuyo cuya por para con sin sobre entre desde hasta hacia según durante contra ante bajo tras de del a al en ' +
      'y e o u ni pero sino si porque pues aunque mientras es son soy eres somos era eran fue fueron ser sea sido será está ' +
      'están estoy estaba estar he has ha hemos han había haber hay haya hubo puede pueden puedo podemos poder debe deben ' +
      'debo debemos deber va van voy vamos ir hace hacen hacer hecho tiene tienen tengo tener no sí ya muy más menos también ' +
      'tan tanto todo toda todos todas cada otro otra otros otras algo alguien alguno alguna nada nadie ninguno ninguna ' +
      'ningún algún aquí allí ahí ahora entonces así',
    faint:
      'significa dura durar vale sirve necesita necesito necesitan usa usan encuentra llama queda posible vez veces tiempo',
    quantity: 'cu[áa]nt[oa]s?(?: tiempo| veces)?|cada cu[áa]nto(?: tiempo)?|con qu[ée] frecuencia',
    which: 'qu[ée]|cu[áa]l(?:es)?',
    figure:
      'cero|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|quince|veinte|treinta|cincuenta|cien\\p{L}*|mil|' +
      'mill[oó]n(?:es)?|medi[oa]|doble|cada|todos los|todas las|diari\\p{L}*|semanal\\p{L}*|mensual\\p{L}*|anual\\p{L}*|ning[uú]n\\p{L}*',
  },
  {
    code: 'it',
    empty:
      'il lo la i gli le l un uno una di a da in con su per tra fra del dello della dei degli delle dell al allo alla ai agli ' +
      'alle all dal dallo dalla dai dagli dalle dall nel nello nella nei negli nelle nell sul sullo sulla sui sugli sulle ' +
      'sull d io tu lui lei noi voi loro egli essa essi mi ti si ci vi ne me te se mio mia miei mie tuo tua tuoi tue suo sua ' +
      'suoi sue nostro nostra nostri nostre vostro vostra questo questa questi queste quest quello quella quelli quelle ' +
      'quel quei chi che cosa cos quale quali qual quando dove dov come com perché quanto quanta quanti quante cui e ed o ' +
      'od ma però anche né se mentre dopo prima durante senza sotto sopra verso contro secondo è sono sei siamo siete era ' +
      'erano fu essere sia stato stata stati sarà ho hai ha abbiamo avete hanno aveva avere avrà viene vengono venire ' +
      'va vanno può possono posso puoi potere deve devono devo dovere bisogna fa fare fanno c non no sì più meno molto già ' +
      'ancora qui qua là allora così ogni tutto tutta tutti tutte altro altra altri altre qualche qualcosa qualcuno niente ' +
      'nulla nessuno nessuna',
    faint:
      'significa dura durare vale serve servono trova trovano chiama usa possibile spesso volta volte tempo',
    quantity: 'quant[oaie](?: tempo| volte)?|ogni quanto(?: tempo)?|con (?:che|quale) frequenza',
    which: 'quale?|quali|che',
    figure:
      'zero|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|undici|dodici|venti|trenta|cinquanta|cento|mill[ei]|milion[ei]|' +
      'mezz[oa]|doppi\\p{L}*|ogni|giornalier\\p{L}*|settimanal\\p{L}*|mensil\\p{L}*|annual\\p{L}*|nessun\\p{L}*',
  },
  {
    code: 'pt',
    empty:
      'o a os as um uma uns umas de do da dos das em no na nos nas num numa por pelo pela pelos pelas para pra com sem sobre ' +
      'entre desde até após contra durante sob ao à aos às eu tu ele ela nós vós eles elas você vocês me te se lhe lhes meu ' +
      'minha meus minhas teu tua seu sua seus suas nosso nossa nossos nossas este esta estes estas esse essa esses essas ' +
      'isto isso aquilo aquele aquela que quê quem qual quais quando onde como porque porquê quanto quanta quantos quantas ' +
      'cujo cuja e ou mas nem se pois embora enquanto é são sou somos era eram foi foram ser seja sido será está estão ' +
      'estou estava estar tem têm tenho temos tinha ter há havia haver pode podem posso podemos poder deve devem devo dever ' +
      'vai vão vou ir faz fazem fazer feito não sim já muito mais menos também tão tanto todo toda todos todas cada outro ' +
      'outra outros outras algo alguém algum alguma nada ninguém nenhum nenhuma aqui ali lá agora então assim',
    faint: 'significa dura durar vale serve precisa preciso precisam usa fica chama possível vez vezes tempo',
    quantity: 'quant[oa]s?(?: tempo| vezes)?|de quanto em quanto tempo|com que frequência',
    which: 'qual|quais|que',
    figure:
      'zero|dois|duas|três|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|quinze|vinte|trinta|cinquenta|cem|cento|mil|' +
      'milh(?:ão|ões)|mei[oa]|dobro|cada|todos os|todas as|diári\\p{L}*|seman\\p{L}*|mensa\\p{L}*|anual\\p{L}*|nenhuma?',
  },
  {
    code: 'nl',
    empty:
      'de het een t ik jij je u hij zij ze wij we jullie hen hun mij me jou ons zich mijn jouw zijn haar onze dit dat deze die ' +
      'wie wat waar wanneer waarom hoe hoeveel welk welke waarmee waarvoor waardoor waarin waaraan waarop waarvan waarheen ' +
      'in op aan van voor met bij naar uit over onder door tegen tussen na om te tot zonder sinds tijdens volgens binnen ' +
      'buiten achter naast per en of maar want als dan omdat terwijl hoewel toen indien er daar hier ben bent is was waren ' +
      'geweest heb hebt heeft hebben had hadden gehad word wordt worden werd werden geworden kan kun kunt kunnen kon konden ' +
      'moet moeten moest mag mogen mocht zal zult zullen zou zouden wil wilt willen ga gaat gaan laat laten niet geen ook ' +
      'nog al wel zeer erg zo nu alleen steeds weer iets niets iemand niemand men alle alles elke elk ieder iedere andere ' +
      'ander veel meer',
    faint:
      'doe doet doen maak maakt maken duurt duren geldt bedraagt betekent heet ligt staat nodig vaak lang mogelijk',
    quantity: 'hoeveel|hoe (?:veel|vaak|lang|groot|hoog)|hoe(?= (?:zwaar|ver|diep|breed|oud|snel|duur|warm))',
    which: 'welke?|wat voor(?: een)?',
    figure:
      'nul|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|twintig|honderd|duizend|miljoen(?:en)?|half|halve|dubbel\\p{L}*|' +
      'dagelijks\\p{L}*|wekelijks\\p{L}*|maandelijks\\p{L}*|jaarlijks\\p{L}*|elke?|iedere?|geen',
  },
  {
    code: 'pl',
    empty:
      'i a o u w we z ze do na od dla po za przy przez przed nad pod między bez ku oraz lub albo ale lecz więc bo ponieważ że ' +
      'żeby aby czy jeśli jeżeli gdy kiedy gdzie skąd dokąd dlaczego czemu jak jaki jaka jakie jakiego jakiej jakim jakich ' +
      'kto kogo komu kim co czego czym który która które którego której którym których ile ilu ja ty on ona ono my wy oni ' +
      'one mnie mi mną ciebie ci jego jej go mu nim nią nich ich im nas nam was wam się siebie mój moja moje twój swój swoja ' +
      'swoje nasz nasza nasze ten ta to te tego tej temu tym tych tamten jest są jestem być był była było były będzie będą ' +
      'został została zostało zostały może mogą mogę można musi muszą muszę trzeba należy powinien powinna powinno ma mają ' +
      'mam mieć nie tak też także już jeszcze tylko bardzo tu tam teraz coś ktoś nic nikt każdy każda każde wszystko wszystkie',
    faint:
      'oznacza znaczy trwa wynosi znajduje kosi robi robić działa potrzeba często długo możliwe razy raz',
    quantity:
      'ile(?: razy| czasu)?|ilu|jak (?:często|długo|wysok\\p{L}+|duż\\p{L}+)|jak(?= (?:dalek|głębok|szerok|ciężk|star)\\p{L}+)',
    which: 'któr(?:y|a|e|ego|ej|ym|ych|ą)|jaki(?:ego|ej|m|ch|e)?|jaka',
    figure:
      'zero|jeden|dwa|dwie|trzy|cztery|pięć|sześć|siedem|osiem|dziewięć|dziesięć|dwanaście|dwadzieścia|sto|tysiąc\\p{L}*|' +
      'milion\\p{L}*|pół|codzien\\p{L}*|tygodniow\\p{L}*|miesięczn\\p{L}*|roczn\\p{L}*|każd\\p{L}+|co (?:dzień|tydzień|miesiąc|rok)|żaden|żadn\\p{L}+',
  },
  {
    code: 'sv',
    empty:
      'en ett den det de jag du han hon vi ni dem mig dig sig honom henne oss er min mitt mina din ditt dina sin sitt sina vår ' +
      'vårt våra deras hans hennes denna detta dessa vem vems vad var vart varifrån när varför hur vilken vilket vilka som i ' +
      'på av för med till från om vid under över mellan efter före utan mot hos genom ur inom utom och eller men att så än ' +
      'därför eftersom medan innan är var varit vara blir bli blev blivit har hade haft ha kan kunde ska skall skulle vill ' +
      'måste bör får fick finns fanns inte ej också bara redan mycket här där nu då alltid något någon några inget ingen ' +
      'inga allt alla varje man båda annan annat andra mer',
    faint:
      'gör göra betyder heter kostar gäller varar ligger går behöver behövs ofta länge många möjligt gånger',
    quantity:
      'hur (?:många|mycket|ofta|länge|stor[at]?|hög[at]?)|hur(?= (?:lång|långt|tung|tungt|djup|bred|brett|gammal|snabb|snabbt|dyr))',
    which: 'vilken|vilket|vilka',
    figure:
      'noll|två|tre|fyra|fem|sex|sju|åtta|nio|tio|elva|tolv|tjugo|hundra|tusen|miljon(?:er)?|halv\\p{L}*|dubbel\\p{L}*|' +
      'daglig\\p{L}*|veckovis|månatlig\\p{L}*|årlig\\p{L}*|varje|ingen|inga|inget',
  },
  {
    code: 'da',
    empty:
      'en et den det de jeg du han hun vi i dem mig dig sig ham hende os jer min mit mine din dit dine sin sit sine vores jeres ' +
      'deres hans hendes denne dette disse hvem hvis hvad hvor hvornår hvorfor hvordan hvorhen hvilken hvilket hvilke som ' +
      'der på af for med til fra om ved under over mellem efter før uden mod hos gennem ad inden og eller men at så end ' +
      'fordi mens når da er var været være bliver blive blev blevet har havde haft have kan kunne skal skulle vil ville må ' +
      'måtte bør får fik findes ikke også kun allerede meget her nu altid noget nogen nogle intet ingen alt alle hver hvert ' +
      'man begge anden andet andre mere',
    faint: 'gør gøre betyder hedder gælder varer ligger går behøver ofte længe mange muligt gange',
    quantity:
      'hvor (?:mange|meget|ofte|længe|store?|stort|høje?|højt)|hvor(?= (?:lang|langt|tung|tungt|dyb|dybt|bred|gammel|hurtig|hurtigt|dyr))',
    which: 'hvilken|hvilket|hvilke',
    figure:
      'nul|to|tre|fire|fem|seks|syv|otte|ni|ti|elleve|tolv|tyve|hundrede|tusind\\p{L}*|million(?:er)?|halv\\p{L}*|dobbelt\\p{L}*|' +
      'daglig\\p{L}*|ugentlig\\p{L}*|månedlig\\p{L}*|årlig\\p{L}*|hver|hvert|ingen|intet',
  },
  {
    code: 'ja',
    // With the pieces into which the endings of verbs are cut.
    empty:
      'は が を に で と も の へ や か ね よ な から まで より など だけ しか ので のに ても でも たら なら ば です ます でした ました だ である ' +
      'ない なく なけれ ません ま せん すか ありま あり ある います いる あります する し した して さ れ られ せ させ でき できる って という とい ' +
      'いう よう こと もの とき ため これ それ あれ この その あの どの どれ どこ どちら どう どんな どのよう いつ なぜ だれ 誰 何 なに なん どうして ' +
      'どうやって いくつ いくら くらい ぐらい どれくらい どのくらい どれだけ ください 下さい て た ん う く ください なり なる しま ましょ でしょ ' +
      'について による によって として とは には では のは ここ そこ また および 及び または そして しかし',
    faint: 'なっ 行う 行い 使う 使い 使用 教え 教えて 必要 頻度 方法 場合',
    quantity:
      '何(?:回|年間?|ヶ月|か月|カ月|個|本|人|度|枚|台|分間?|秒|時間?|日間?|週間|歳|階|パーセント|桁|文字)|いくつ|いくら|(?:どの|どれ)(?:くらい|ぐらい|だけ|ほど)',
    which: '',
    figure: '[〇一二三四五六七八九十百千万億半毎]|両方',
  },
  {
    code: 'zh',
    empty:
      '的 了 是 在 和 与 與 及 或 或者 而 而且 但 但是 也 都 就 还 還 又 很 不 没 沒 没有 沒有 吗 嗎 呢 吧 啊 着 著 过 過 得 地 把 被 让 讓 给 給 对 對 ' +
      '对于 對於 从 從 到 向 往 由 以 用 为 為 因为 因為 所以 如果 要 会 會 能 能够 能夠 可以 可 应 應 应该 應該 必须 必須 需要 有 我 你 您 他 她 它 ' +
      '我们 我們 你们 你們 他们 他們 这 這 那 这个 這個 那个 那個 这些 這些 哪 哪个 哪個 哪些 哪里 哪裡 哪儿 谁 誰 什么 什麼 甚麼 何时 何時 什么时候 ' +
      '时候 時候 怎么 怎麼 怎样 怎樣 怎么样 怎麼樣 如何 为什么 為什麼 为何 為何 多少 多久 多长 多長 多大 几 幾 一个 一個 个 個 些 之 其 于 於 位于 位於 ' +
      '请 請 请问 請問 上 下 里 裡 中 内 內 应当 應當 时 時 才 每 几个 幾個 是否',
    faint: '进行 進行 使用 办 辦 做 时间 時間 次 一次 请告诉 告訴 告诉 叫 属于 屬於',
    quantity:
      '多(?:少|久|[长長][时時][间間]|大)|多(?=[长長高重远遠深宽寬快])|[几幾](?:[个個年天次度月台人小]|分[钟鐘]|小[时時]|位|米|[点點])',
    which: '',
    figure: '[〇零一二三四五六七八九十百千万萬亿億半两兩每]',
  },
  {
    code: 'th',
    empty:
      'และ หรือ แต่ ที่ ซึ่ง อัน ของ ใน นอก บน ใต้ จาก ถึง โดย ด้วย กับ แก่ แด่ ต่อ เพื่อ สำหรับ เพราะ ถ้า หาก เมื่อ ว่า ให้ ได้ เป็น คือ อยู่ มี ไม่ ' +
      'ไม่ได้ จะ ต้อง ควร สามารถ กำลัง แล้ว ยัง ก็ นี้ นั้น โน้น นี่ นั่น ฉัน ผม ดิฉัน คุณ เขา เธอ มัน เรา พวก ใคร อะไร ไหน ที่ไหน เมื่อไร เมื่อไหร่ ' +
      'อย่างไร ยังไง ทำไม เท่าไร เท่าไหร่ กี่ แค่ แค่ไหน ใด ไหม มั้ย หรือไม่ บ้าง ครับ ค่ะ คะ นะ ถูก การ ความ ทุก ทั้ง แต่ละ อีก มาก กว่า ที่สุด เท่า ไร ไหร่ ' +
      'ตัว ระยะ โปรด กรุณา ช่วย',
    faint: 'ทำ ใช้ เวลา นาน บ่อย ครั้ง วิธี',
    quantity: 'กี่|เท่า(?:ไร|ไหร่)|(?:นาน|บ่อย|มาก|ใหญ่)?(?:แค่ไหน|เพียงใด|เท่าใด)',
    which: '',
    figure: 'หนึ่ง|สอง|สาม|สี่|ห้า|หก|เจ็ด|แปด|เก้า|สิบ|ร้อย|พัน|หมื่น|แสน|ล้าน|ครึ่ง|ทุก',
  },
]

/**
 * Function words that are English words, names or abbreviations too: one of them alone, in what may be a few English
 * key words ("die casting", "MIT license"), says nothing of the language.
 */
export const SHARED =
  'die war hat man bin mit den des das dem der ein als also par pour son sans sur est plus tout car mon ton les los las con ' +
  'sin has era sea per dove non come chi una uno del all cosa sei sole van door want dat pas dos men var have ale ten tam ' +
  'com ser para hit han ham min din sit mine dine end fire over under hun het hoe onze wat ons sole noi venire ma ' +
  'cent mes tes ses notre vos entre chez pot ces mid ved hen ben vont eres este ese nos sua sue tua tue mal alle fait via word num met far allo era ' +
  'dem alt once ont noi nas nam kom mam kim vis bis nei dai hen tous quant med mir mia todo dir comment font ello fra att usa llama gilt vale dura sert tempo volta temps tun lang robi raz trova mais lors'
