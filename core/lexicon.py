"""What one sees, in the words of several languages, each led back to one English word.

A compact list of our own: colours, sizes, bodies, clothes, creatures, places, weather, weapons and
what they do; English synonyms first, then Spanish, French, German, Portuguese, Russian, Korean,
Japanese, Chinese. It knows nothing of any franchise, and what it does not hold stays as it is.
"""

from functools import lru_cache

from core.ordinary import listed
from core.reading import folded

_LINES = """
red: crimson scarlet rojo roja rouge rot rote roten vermelho vermelha красный красная красное 빨간 붉은 赤い 赤
    红色 紅色
green: grün grüne grünen verde vert verte vertes зеленый зеленые зеленых 초록 녹색 緑 绿色 綠色
blue: azure azul bleu bleue blau blaue синий голубой 파란 青い 蓝色
purple: violet lilac lavender morado morada púrpura pourpre violette lila roxo roxa фиолетовый фиолетовые 보라
    보라색 紫色 紫
orange: naranja anaranjado laranja оранжевый оранжевом 주황 주황색 오렌지 オレンジ 橙色
yellow: amarillo amarilla jaune gelb gelbe amarelo amarela желтый 노란 노란색 黄色
silver: silvery plateado plateada argenté argentée silbern silberne prateado prateada серебряный серебристое
    은빛 은색 銀色 银色
gold: golden dorado dorada doré dorée goldene dourado золотой 금빛 황금 金色
white: blanco blanca blanc blanche weiß weiße branco branca белый белая 하얀 흰 白い 白色
black: negro negra noir noire schwarz schwarze preto preta черный черная 검은 黒い 黑色
pink: rosa rosado rose розовый 분홍 핑크 ピンク 粉色
pale: pallid ashen pálido pálida pâle bleich blass бледный бледное 창백한 青白い 苍白
giant: huge enormous colossal gigantic massive towering gargantuan oversized gigante gigantesca enorme géant
    géante énorme riesig riesige riesigen огромный огромная гигантский гигантская 거대한 대형 巨大な 巨大 巨型
tall: lofty alto alta grand grande hoch groß große высокий высокое 키큰 背の高い 高大
long: lengthy largo larga largas long longue longues lang lange langen comprido длинный длинные длинная 긴 長い
    长
thin: spindly slender slim delgado fina mince fin dünn dünne fino тонкий тонкие 가는 細い 细长
girl: schoolgirl niña chica fille fillette mädchen menina garota девочка девушка 소녀 여자아이 少女 女の子 女孩
woman: lady ladies debutante maiden mujer dama señorita femme dame demoiselle frau mulher женщина дама 여자 여인
    숙녀 女性 女人 淑女
man: guy gentleman hombre caballero homme mann homem мужчина 남자 男 男人
child: kid kids children niños enfants kinder crianças дети ребенок 아이들 子供 孩子
singer: idol vocalist popstar cantante ídolo chanteuse chanteur sängerin cantora певица айдол 가수 아이돌 歌手
    アイドル 偶像
doll: muñeca poupée puppe boneca кукла куклы 인형 人形 娃娃 玩偶
robot: android animatronic mechanical robótica robotique roboter робот 로봇 ロボット 机器人
monster: creature beast monstrosity monstruo criatura bestia monstre créature ungeheuer kreatur monstro монстр
    существо чудовище 괴물 怪物 モンスター
demon: demons devil demonio demonios démon démons dämon dämonen demônio демон демонов демоны 악마 悪魔 恶魔
spider: arachnid araña araignée spinne aranha паук паука 거미 蜘蛛
shadow: silhouette shade sombra ombre schatten тень 그림자 影
player: contestant contestants players participant participants jugador jugadores joueur joueurs spieler jogador
    игрок игроки участники 참가자 참가자들 プレイヤー 参加者 玩家
dancer: dancers dance dancing waltz waltzing bailarines bailando danseurs danse tänzer tanzen танцоры танцуют 춤
    무용수 踊る 舞者 跳舞
guard: guards soldier soldiers guardia garde wächter guarda охранник 경비 警備員 守卫
head: skull cabeza tête kopf cabeça голова голову 머리통 頭 头
face: visage cara rostro gesicht rosto лицо 얼굴 顔 脸
hair: haired cabello pelo cheveux haare haar cabelo волосы волосами 머리 머리카락 머리칼 髪 头发
braid: braids braided plait plaits trenza trenzas tresse tresses flechtzopf geflochten trança коса косой 땋은
    三つ編み 辫子
pigtail: pigtails bunches coletas coleta couettes zöpfe zöpfen zopf хвостики хвостиками косички 양갈래 갈래
    ツインテール 双马尾
eye: eyes ojos yeux augen olhos глаза 눈 目 眼睛
tooth: teeth fangs dientes colmillos dents crocs zähne zähnen dentes зубы зубов зубами 이빨 歯 牙 牙齿
leg: legs limb limbs piernas patas jambes pattes beine beinen pernas ноги ногами лапы 다리 脚 腿
hand: hands manos mains hände mãos руки 손 手
glove: gloves guantes gants handschuhe handschuhen luvas перчатки перчатках 장갑 手袋 手套
mask: masks masked masking máscara máscaras enmascarados masque masques masqué masqués maske masken maskierte
    mascarado маска маске масках 가면 仮面 面具
dress: gown gowns dresses frock vestido vestidos robe robes kleid kleider kleidern платье платья 드레스 원피스
    ドレス 裙子 连衣裙 礼服
shirt: blouse tee camisa camiseta chemise hemd рубашка 셔츠 シャツ 衬衫
tracksuit: tracksuits sweatsuit sweatsuits jumpsuit jumpsuits chándal chándales survêtement survêtements
    trainingsanzug trainingsanzüge trainingsanzügen agasalho спортивный спортивные костюм костюмах 운동복 체육복
    트레이닝복 ジャージ 运动服
lace: lacy encaje dentelle spitze renda кружево кружевной 레이스 レース 蕾丝
silk: satin seda soie seide шелк 실크 絹 丝绸
crown: tiara corona couronne krone coroa корона 왕관 冠 王冠
ball: ballroom masquerade baile bal ballsaal salão бал бала бальный 무도회 舞踏会 舞会
regency: georgian regencia régence regência регентство 섭정 摂政
palace: mansion manor estate palacio palais château schloss palácio дворец 궁전 저택 宮殿 宫殿
staircase: stairs stairway steps escalera escalier treppe escada лестница 계단 階段 楼梯
candle: candles candlelit candlelight velas vela bougie bougies kerze kerzen свеча свечи свечей 촛불 蝋燭 蜡烛
chandelier: chandeliers candelabro candelabros lámpara lustre lustres kronleuchter люстра люстры 샹들리에
    シャンデリア 吊灯
flower: flowers floral blossom blossoms bloom petal petals flor flores pétalos fleur fleurs pétales blume blumen
    blüte blüten pétalas цветок цветы цветка лепестки 꽃 꽃잎 花 花びら 花朵 花瓣
open: opens opening splits unfolds abre abierta ouvre öffnet открывается раскрывается 열리는 벌어지는 開く 张开
    打开
turn: turns turning spins gira girar tourne retourne dreht umdreht vira поворачивается оборачивается 돌아보면
    뒤돌아보는 돌아보는 振り向く 转身 回头
freeze: freezes frozen motionless statues congelados quietos inmóviles figés immobiles erstarren erstarrt
    parados замирают замерли 멈춘다 멈추는 얼어붙은 止まる 静止 定住
stage: concert escenario scène bühne palco сцена сцене 무대 ステージ 舞台
sword: blade katana saber sabre espada épée lame schwert klinge меч мечом клинок 검 칼 剣 剑
glow: glowing glows luminous shining radiant brillante luminosa lumineuse brillant leuchtend leuchtendes сияющий
    светящийся светящимся 빛나는 光る 发光
shimmer: shimmering sparkling glittering sparkly brillante scintillante scintillant schimmernd glitzernd
    блестящее сверкающее 반짝이는 きらめく 闪亮
sky: heavens cielo ciel himmel céu небо небе 하늘 空 天空
storm: stormy thunderstorm tempest tormenta tempête orage sturm gewitter tempestade буря шторм грозе 폭풍 嵐
    风暴
lightning: thunder bolt relámpago rayo éclair éclairs blitz blitze raio молния молнии 번개 稲妻 闪电
cloud: clouds nubes nuages wolken nuvens облака 구름 雲 云
sand: sandy arena sable sand areia песок песке 모래 砂 沙
playground: schoolyard patio cour spielplatz parquinho площадка площадке 놀이터 운동장 遊び場 操场
town: city village pueblo ciudad ville stadt cidade город городом 도시 마을 町 城镇
forest: woods bosque forêt wald floresta лес лесу 숲 森 森林
laser: lasers láser лазер 레이저 レーザー 激光
blood: bloody sangre sang blut sangue кровь 피 血 鲜血
fight: fights fighting battles battle slay slays slaying slashing slashes lucha combat combattre kämpft kampf
    luta сражается 싸우는 戦う 战斗
animated: cartoon animation cgi animada animado animée animé animierte анимационная 애니메이션 アニメ 动画
"""


_ENDINGS = frozenset(listed("s es d ed ing ly n en em er e ern r ns le ler lar"))


def _entries() -> dict[str, str]:
    found: dict[str, str] = {}
    known = ""
    for word in _LINES.split():
        known = word[:-1] if word.endswith(":") else known
        found.setdefault(folded(word.rstrip(":")), known)
    return found


_HEADS = _entries()
_LONGEST = max(map(len, _HEADS))
_STEM = 4  # letters a word must share with one of the list before its ending is taken off


def head(word: str) -> str:
    """The English word a folded word is led back to; itself where the list does not hold it.

    An ending of up to three letters is taken off: candlelight's “candles” is candle, “인형이” is 인형.
    """
    return _HEADS.get(word) or _by_stem(word) or word


@lru_cache(maxsize=32768)
def _by_stem(word: str) -> str | None:
    least = _STEM if word.isascii() or "\u0370" <= word[:1] <= "\u06ff" else 2
    for cut in range(1, 4):
        stem, ending = word[:-cut], word[-cut:]
        if len(stem) < least:
            return None
        # A monstera is no monster: in Latin letters only an ending of grammar is taken off.
        if stem in _HEADS and (ending in _ENDINGS or not ending.isascii()):
            return _HEADS[stem]
    return None


def pieces(run: str) -> list[str]:
    """A run of a script without gaps as the list's words, longest first, and what is left two by two."""
    found, rest, at = [], "", 0
    while at < len(run):
        size = next((n for n in range(min(_LONGEST, len(run) - at), 0, -1) if run[at : at + n] in _HEADS), 0)
        if size:
            found += [*_pairs(rest), _HEADS[run[at : at + size]]]
            rest = ""
        else:
            rest += run[at]
        at += size or 1
    return found + _pairs(rest)


def _pairs(rest: str) -> list[str]:
    return [rest[nth : nth + 2] for nth in range(len(rest) - 1)]
