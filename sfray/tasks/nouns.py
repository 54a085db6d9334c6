"""What word problems count, and the words between: the closed list of nouns that may follow a number.

A noun outside the list is taken only where the gold has it too. Plurals need no entry.
"""

from __future__ import annotations

_COUNTED = """
    people person child children kid boy girl man men woman women adult baby friend student pupil teacher worker
    employee customer guest visitor player member passenger driver runner soldier patient doctor nurse farmer neighbor
    neighbour brother sister son daughter cousin parent mother father grandchild family couple voter resident citizen
    graduate senior junior freshman sophomore boyfriend girlfriend classmate camper scout dancer singer musician actor
    artist chef cook baker waiter tourist human character candidate participant winner engineer programmer plumber
    animal dog cat puppy kitten cow horse pony pig sheep goat lamb chicken hen rooster duck goose geese turkey bird
    parrot fish goldfish shark whale dolphin frog turtle snake lizard spider ant bee butterfly beetle bug insect worm
    rabbit bunny hamster mouse mice rat squirrel monkey elephant lion tiger bear zebra giraffe deer fox wolf wolves
    penguin owl eagle pigeon crow dinosaur dragon alligator crab lobster snail pet jellyfish caterpillar cricket
    apple orange banana pear peach plum grape cherry berry strawberry blueberry lemon lime melon watermelon mango
    pineapple coconut fruit vegetable carrot potato tomato onion cucumber pumpkin pepper bean pea corn mushroom
    radish cabbage lettuce egg cookie cake cupcake pie donut doughnut muffin brownie candy candies chocolate lollipop
    sweet gum gumball jellybean marshmallow pizza slice sandwich burger hamburger hotdog taco fry chip cracker pretzel
    bread loaf loaves roll bagel bun biscuit pancake waffle meal lunch dinner breakfast snack drink soda juice milk
    water coffee tea beer wine bottle can jar cup glass mug bowl plate dish fork spoon knife knives pot pan serving
    sugar flour butter cheese rice pasta meat steak shrimp nut peanut almond walnut seed grain ice cream scoop cone
    popsicle topping ingredient recipe bag sack box carton crate case package pack packet basket bucket barrel tray
    container drawer shelf shelves bin envelope stack pile row column bunch bundle set pair group team class grade
    book novel comic magazine newspaper page chapter word letter sentence paragraph essay story poem notebook folder
    paper sheet card postcard stamp sticker poster painting picture photo photograph drawing crayon pencil pen marker
    eraser ruler brush paint color colour ink desk chair table bench couch sofa bed lamp pillow blanket towel rug
    curtain door window wall floor room bedroom bathroom kitchen house home apartment building tower school college
    classroom office store shop restaurant hotel hospital library museum church farm field garden yard park lot zoo
    street road lane block city town village county state country island mountain hill river lake beach tree branch
    leaf leaves flower rose tulip daisy sunflower lily petal plant bush vine root stem log stick twig rock stone
    pebble brick tile shell seashell star planet moon
    car truck bus van taxi train plane airplane boat ship canoe bike bicycle motorcycle scooter tricycle wheel tire
    tyre seat ticket trip ride flight mileage lap race gallon tank engine carriage wagon helicopter rocket
    ball basketball baseball football tennis puck bat bat glove helmet game match round set point goal run hit score
    basket shot touchdown homer inning quarter period medal trophy prize ribbon award video movie film song album
    record show episode concert play puzzle piece block lego toy doll robot balloon kite marble bead button coin token
    penny pennies nickel dime buck bill check cheque note dollar cent euro stock share ring necklace bracelet earring
    watch clock shirt dress skirt jacket coat sweater hoodie pants jean shorts sock shoe boot sandal sneaker hat cap
    scarf tie belt bow purse wallet backpack suitcase umbrella jersey uniform outfit costume mask clothes towel
    bulb battery batteries phone call text message email computer laptop tablet screen television camera speaker
    keyboard app file photo download megabyte gigabyte mb gb kb byte bit pixel megapixel
    nail screw bolt tool hammer ladder rope string yarn thread ribbon wire cable chain pipe hose board plank log
    bottle cap lid straw napkin candle match lighter key lock flag sign post fence gate bridge
    hour minute second day night morning afternoon evening weekday weekend week fortnight month season year decade
    century centuries generation birthday session lesson shift visit step stair jump
    pushup situp crunch squat rep mile lap pound calorie gram
    question problem answer test exam quiz assignment project task chore job page grade mark vote ballot
    way pattern arrangement combination permutation outcome case choice option possibility possibilities solution
    value integer number digit prime divisor factor multiple term element subset function root side
    vertex vertices edge face angle diagonal triangle square rectangle circle polygon hexagon pentagon cube sphere
    line segment ray point region path route interval row column pair triple tuple committee handshake
    head leg arm foot finger toe eye ear tooth teeth hair wing tail bone
    acre hectare pint quart tablespoon tbsp teaspoon tsp bushel spoonful glassful drop dose pill tablet
    vitamin bandage mask shot blood cell atom molecule item thing object unit product order gift present decoration
    ornament light firework pumpkin costume souvenir
    knot furlong fathom degree radian watt volt amp ampere ohm hertz hz kilohertz khz kw kwh mw joule newton pascal pa
    calorie kcal kilocalorie mole kelvin lumen candela bar atm psi rpm fps bpm megahertz
    micrometer micrometre nanometer nanometre micron nm centiliter centilitre cl dl decimeter decimetre dm milliliter
    milisecond millisecond ms microsecond nanosecond hrs mins secs stone carat karat cwt liter
"""
_BESIDE = """
    red blue green yellow orange purple pink black white brown gray grey gold silver colored big small large little
    tiny long short tall high wide deep thick heavy light old new young older younger full empty whole fresh ripe
    rotten broken good bad sweet hot cold warm dry wet clean dirty free paid sold unsold left remaining total
    altogether overall combined extra additional different distinct possible unique common blank plain striped
    round square wooden plastic metal male female adult real positive
    of in on at for from the this that his her their its away apart ago later early late sooner longer
    shorter taller wider deeper higher lower faster slower earlier older
    daily weekly monthly yearly annual annually spent saved earned needed used worth
    chocolate vanilla strawberry ice cream peanut
"""
"""What goes with a noun: its kind, and where or when it is."""


def stem(word: str) -> str:
    """A word in lower case without the ending of a plural: cities and city, boxes and box, ties and tie."""
    lowered = word.lower()
    if len(lowered) < 3:
        return lowered
    bare = lowered.removesuffix("s").removesuffix("e")
    return bare.removesuffix("y") + "i" if bare.endswith("y") else bare


NOUNS = frozenset(map(stem, _COUNTED.split())) | frozenset(_COUNTED.split())
"""The nouns, by their stems."""

BESIDE = frozenset(_BESIDE.split())
"""Adjectives and small words, as they are written."""
