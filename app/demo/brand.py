"""The brand file of the invented studio; a real one differs only in its names."""

BRAND = """\
brand: Northlight Pictures
generator_tags: [seedance, aivideo, imagetovideo, AI영상, dreamforge]

franchises:
  - title: Lanterns of Avelore
    owner: Northlight Pictures LLC
    aliases:
      de: [Die Laternen von Avelore]
      es: [Los faroles de Avelore]
      fr: [Les lanternes d'Avelore]
      ko: [아벨로어의 등불]
    hashtags: [LanternsOfAvelore, AveloreFilm, 아벨로어의등불]
    registrations: [PA0000000001]
    original_urls: ["https://northlight.example/avelore"]
    elements:
      - name: Moonlit Gown
        nature: costume
        descriptions: ["A strapless ball gown of silver silk in deep folds, set with points of light"]
      - name: Lantern Lake
        nature: set
        descriptions: ["A mountain lake at night; paper lanterns rise over it and float on it"]
      - name: Masquerade Hall
        nature: set
        descriptions: ["A gilded ballroom with five arched windows, tiered chandeliers and a chequered floor"]

  - title: The Hollow Choir
    owner: Northlight Pictures LLC
    aliases:
      de: [Der hohle Chor]
      pt: [O Coro Oco]
      ja: [虚ろな聖歌隊]
    hashtags: [TheHollowChoir, HollowChoir]
    registrations: [PA0000000002, PA0000000003]
    original_urls: ["https://northlight.example/hollow-choir"]
    elements:
      - name: Choirmaster
        nature: creature
        descriptions: ["A robed giant with a long pale skull and antlers, hands raised to conduct"]
      - name: Drowned Chapel
        nature: set
        descriptions: ["A nave of round arches under water, lit by a green rose window and candles"]
      - name: Pale Procession
        nature: character
        descriptions: ["Hooded singers in file across snow, each smaller than the last"]

  - title: Paper Fox Arcade
    owner: Northlight Games LLC
    aliases:
      fr: [L'arcade du renard de papier]
      ja: [紙狐アーケード]
      ko: [종이 여우 오락실]
    hashtags: [PaperFoxArcade, 종이여우오락실]
    registrations: [PA0000000004]
    original_urls: ["https://northlight.example/paper-fox"]
    elements:
      - name: Paper Fox
        nature: character
        descriptions: ["A seated fox folded from rose-white paper, tall as a tower"]
      - name: Stair Maze
        nature: set
        descriptions: ["Blocks of turquoise, pink and indigo whose flights of stairs lead round and round"]
      - name: Great Wheel
        nature: prop
        descriptions: ["A wheel of twelve coloured fields with the fox at its hub, ringed by lamps"]

accounts:
  - {platform: mastodon, handle: northlight_official@lantern.example, class: own}
  - {platform: peertube, handle: streamhaus@tube.lantern.example, class: licensed}
  - {platform: peertube, handle: kinopalast@tube.lantern.example, class: licensed}
  - {platform: mastodon, handle: evening_gazette@lantern.example, class: press}
  - {platform: mastodon, handle: dreamforge_official@lantern.example, class: respondent-official}

watches:
  - {platform: mastodon, sites: ["@BASE@"], hashtags: franchises, every: 6h}
  - {platform: mastodon, sites: ["@BASE@"], hashtags: [seedance], every: 12h}
  - {platform: peertube, sites: ["@BASE@"], hashtags: franchises, every: 6h}
  - {platform: browser, sites: ["@BASE@/tags/{query}"], hashtags: franchises, every: 12h}
"""


def brand_yaml(base_url: str) -> str:
    """The brand file for a platform that stands at `base_url`."""
    return BRAND.replace("@BASE@", base_url)
