"""Ordinary words: what every caption may hold, and what people add to a title's name.

A short list of our own, for captions: not a dictionary. It knows when a name is also a common phrase
("Upside Down", "Dark"), when a hashtag is a name with additions (#bridgertonaiedit), and what says
that the talk is of a series, or that a clip is generated.
"""

from core.words import plain, tag


def listed(words: str) -> list[str]:
    """The words of a list kept as lines of text."""
    return words.split()


# English, then what captions hold most in other languages.
WORDS = listed(
    """
a about above across act actually after again against age ago air all almost alone along already also always am
amazing american among an and angry animal another answer any anyone anything apart apple april are area arm around
art as ask at august autumn away baby back bad bag ball band bank bar base bath be beach bear beautiful beauty because
become bed been before begin behind being believe below beside best better between big bird birthday black blood blue
board boat body book born boss both bottom box boy brain bread break bridge bright bring broken brother brown build
building bus business busy but buy by cake call came camera can car card care cat catch center chair challenge chance
change cheap check child children choice christmas church circle city clean clear clock close clothes cloud coffee cold
color colour come comedy coming company cook cool corner could country couple course cover crazy cream create creature
crown cry cup cut dad dance dancer dancers dancing dark date daughter day dead dear death december deep demon demons
did die different dinner dirty do doctor does dog doll done door double down dragon draw dream dress drink drive dry
during each early earth east easy eat edge egg eight eleven else empty end enemy enjoy enough even evening ever every
everyone everything evil eye eyes face fact fall family famous far farm fast fat father favorite fear feel feet few
field fight figure final find fine fire first fish five floor flower flowers fly follow food foot for forest forever
forget four free fresh friday friend friends from front full fun funny future game games garden gave get ghost giant
girl girls give glass go god goes going gold golden gone good got gown great green grey ground group grow guard guess
guy guys hair half hand hands happen happy hard has hat hate have he head hear heart heat heaven heavy hell hello help
her here hero hidden high hill him his history hit hold hole holiday home hope horse hospital hot hour house how huge
human hundred hunter hunters hungry hunt hurt husband i ice idea if ill in inside into is island it its job join joke
joy july jump june just keep key kids kill kind king kingdom kiss kitchen knew know lady lake land language large last
late later laugh law lead learn leave left leg legs less let letter level life lift light lights like line lion list
listen little live long look lord lost lot loud love low luck lunch made magic main make man many march mark market
mask masked masquerade master matter may maybe me mean meat meet men middle midnight might milk mind mine minute mirror
miss mom moment monday money monster monsters month moon more morning most mother mountain mouse mouth move movie much
music must my name nature near neck need never new news next nice night nine no nobody noise none north nose not note
nothing november now number ocean october of off office often oh oil old on once one only open or orange order other
our out outside over own page pain paint pair pale palace paper parents park part party pass past path pay peace people
perfect person phone photo picture piece pink place plan plane plant plants play player players please point police
pool poor power present pretty prince princess problem public pull purple push put queen question quick quiet quite
rain read ready real reality red remember rest rich ride right ring rise river road rock roof room rose round royal
rule run sad safe said salt same sand saturday save saw say school sea season seat second secret see seem seen self sell
send september set seven shadow shadows shall shape she shine ship shirt shoe shoes shop short should shoulder show
shut sick side sign silver simple since sing singer sister sit six size skin sky sleep slow small smart smell smile
smoke snake snow so soft some someone something sometimes son song soon sorry soul sound soup south space speak special
spider spirit spring square stage stand star stars start state stay step still stone stop store storm story strange
stranger strangers street strong student such sugar suit summer sun sunday super sure sweet swim sword table take talk
tall tea teach team teeth tell ten test than thank that the their them then there these they thing things think third
this those though thought thousand three through thursday time tiny tired to today together told tomorrow tonight too
took top touch tower town toy train travel tree trip true truth try tuesday turn twelve twenty twin two ugly uncle
under until up upon upside us use very video view village visit voice wait wake walk wall want war warm was wash watch
water way we wear weather wedding wednesday week weekend well went were west wet what wheel when where which while
white who whole why wife wild will win wind window wine winter wish witch with without wolf woman women wonder wood word
words work world worry worst would write wrong year years yellow yes yesterday yet you young your zero
el la los las un una de del que y en con por para su mi tu es son muy lo se al como más pero este esta todo todos nada
cosas extrañas juego noche día oscuro oscura rey reina casa amor vida mundo hombre mujer niña niño luz roja verde
le les des du et dans avec pour sur ce cette ces je il elle nous vous pas plus tout tous jeu nuit jour roi reine maison
amour vie monde homme femme fille lumière rouge vert choses étranges
der die das ein eine und mit für auf ist nicht von zu im den dem ich du er sie wir ihr dinge seltsame nacht tag könig
spiel dunkel haus liebe leben welt mann frau mädchen licht rotes grünes
il lo gli una di che per non con sono come cose strane notte giorno gioco
o os as um uma do da dos das em no na com não coisas estranhas jogo noite dia
и в не на я что он она они мы вы как это все так его но да ты у же за бы по ее мне есть для очень странные дела дело
вещи игра ночь день тьма дом любовь жизнь мир человек женщина девочка свет
bir ve bu da de için çok ne ben sen o biz garip şeyler oyun gece gün
"""
)
ORDINARY = frozenset(plain(word) for word in WORDS)

# What is put before or after a name in a hashtag or a file's name.
ADDED = frozenset(
    tag(word)
    for word in listed(
        """
ai aiart aiclip aiedit aigenerated aimovie aitrailer aivideo aivideos alternate and anime animated animation art bts
cast challenge character characters cinema clip clips concept core cosplay cover cut dance deepfake dreamina dress edit
edits ending episode fan fanart fancam fandom fanedit fanfic fanfilm fans film final finale for forever fyp game
generated hailuo halloween hd ia icons in irl is jimeng ki kling leak leaked live liveaction lore love made
makeup meme memes midjourney movie mp4 my netflix netflixseries new of official ost parody part pika pov real reel reels
remake remix runway s scene scenes season seasons seedance seedance2 serie series short shorts show sora spinoff story
style the theory tiktok tok trailer trend tv universe veo verse version vibes video videos viral vs wan with
world x temporada serie película saison bande annonce staffel folge stagione sezon сезон серия трейлер эдит нейросеть
시즌 팬아트 편집 예고편 シーズン 予告 第 季 预告
"""
    )
)
# The talk is of a series or a film.
SCREEN = frozenset(
    plain(word)
    for word in listed(
        """
netflix season seasons episode episodes trailer teaser finale spinoff sequel prequel fanart fandom cosplay cast recast
fanedit showrunner cinematic anime temporada capítulo película episodio tráiler saison épisode staffel folge stagione
sezon bölüm сезон серия сериал трейлер 시즌 넷플릭스 예고편 シーズン 予告編 第二季 预告片
"""
    )
)
# The clip is generated, in a word or a tag of its author's.
GENERATED = frozenset(
    tag(word)
    for word in listed(
        """
ai aiart aiedit aifilm aifilmmaking aigenerated aimovie aitrailer aivideo aivideos artificialintelligence byteplus
deepfake dreamina genai generativeai hailuo hailuoai imagetovideo jimeng klingai lumaai madewithai midjourney pikalabs
runwayml runway seedance seedance2 sora sora2 soraai texttovideo veo3 ki kivideo ia iavideo inteligenciaartificial
intelligenceartificielle нейросеть нейросети ии 인공지능 即梦 豆包 可灵 生成AI 人工智能
"""
    )
)
# These hold no gap, so they are looked for inside a caption.
GENERATED_WITHIN = ("人工智能", "生成ai", "即梦", "ai生成", "aiで", "ai로", "인공지능", "нейросет", "الذكاء الاصطناعي")

# Words that say how a sentence is built, not what it shows.
FUNCTION = frozenset(
    plain(word)
    for word in listed(
        """
a about above across after again against all almost along already also always am among an and another any are around
as at away back be because been before behind being below beside between both but by came can come comes coming could
did do does doing done down during each else even ever every for from full get gets getting give go goes going gone got
had has have having he her here hers him his how i if in inside into is it its just keep kept let like lot made make
makes making many may me might more most much must my near need never new next no none nor not now of off on once one
only onto or other our out outside over own part per put really same she should since so some still such than that the
their them then there these they thing things this those though through to together too toward towards under until up
upon us very via was way we well went were what when where which while who whole whose why will with within without
would yet you your pov wait end follow watch video edit clip scene prompt prompts edits ai fyp viral
el la los las un una unos unas de del que y en con por para su sus mi tu es son muy lo se al como más pero este esta
todo todos todas hay sin sobre entre cuando donde
le les des du et dans avec pour sur ce cette ces son sa ses je il elle nous vous ils pas plus tout tous qui que une au
aux partout dont comme en
der die das den dem des ein eine einen einem einer und mit für auf ist sind nicht von vom zu im am an bei wie sich aus
über unter alle alles
o os as um uma do da dos das em no na nos nas com não e que por para seu sua
il lo gli di che per non con sono come
и в во не на я что он она они мы вы как это все всё так его её их но да ты у же за бы по с со из к от до для очень
под над когда где который
bir ve bu da de için çok ile gibi
は が を に で と も の た て
"""
    )
)
# What captions are full of: a description's word that also stands here says less.
BACKGROUND = tuple(
    line.strip()
    for line in """
    my new dress for the summer party, which colour do you like
    red dress or black dress, help me choose a look for the wedding
    flowers from my garden, the roses open in the morning
    how to braid long hair in five minutes, easy tutorial for girls
    purple hair colour at home, the before and after
    my daughter and her doll, first birthday of our little girl
    green tea and yellow cake for the children
    orange cat asleep in the sun, white cat wants to play
    a spider in my kitchen, long legs and all
    a giant pizza for the whole team, the players were hungry
    red sky over the city tonight, a storm is coming
    lightning and clouds above the town, filmed from my window
    silver rings and gold necklaces, small shop, made by hand
    candles and flowers on the table, dinner for two
    dance practice with the girls, the stage is ours tonight
    a young singer with a big voice, live on stage
    masks for halloween, easy make-up for the face and eyes
    sandy beach, blue sky, long walk with the dog
    the tall man and the short woman, funny couple
    a monster of a truck in the mud, huge wheels
    kids on the playground after school, boys and girls run
    black shirt, white shoes, my look of the day
    new tracksuit for the gym, fight for your goals
    sword collection, the long blade is my favourite
    robot vacuum test, it turns and stops before the stairs
    teeth cleaning at home, white teeth in a week
    hand care: gloves in winter, cream at night
    the shadow on the wall moves, scary story
    a walk in the old palace, chandeliers and gold everywhere
    animated short film made by students, monsters and a brave girl
    forest at night, glowing eyes, what is it
    players of the team after the game, the crowd goes mad
    candle making with lavender and orange, slow craft
    the flower market opens early, pale roses and tall sunflowers
    head massage for long hair, so calm
    lace and silk, a wedding dress made at home
    freeze dance with the children, red and green lights
    laser show above the stage, the crowd dances
    blood moon tonight, red and giant over the hills
    long gloves and a silver crown, my prom photos
    """.strip().splitlines()
)
