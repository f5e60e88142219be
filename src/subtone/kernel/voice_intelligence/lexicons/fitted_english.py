"""Weights of English terms, fitted.

Written by ``python -m bench.fit_text``; ``--check`` compares.
Sources, of each the part that ``bench.text_corpora`` does not hold out:
the English translation of the customer-helpdesk dialogues of NTCIR STC-3 with annotated
satisfaction (Zeng, Luo, Shang, Li and Sakai), CC BY 4.0; the comments of GoEmotions
(Demszky et al. 2020), Apache-2.0.
Ridge logistic regression, one weight a term, in the unit of the authored lexicon's;
names of companies and places were left out.
"""

from __future__ import annotations

from subtone.contracts.vocabulary import SpanKind
from subtone.kernel.voice_intelligence.lexicons.entries import Group


def _group(weight: float, terms: str) -> Group:
    return Group(SpanKind.FITTED, weight, terms, provenance="fitted-2")


GROUPS = (
    _group(
        1.0,
        """
        aint | arent | cannot | cant | couldnt | doesnt | dont | hadnt | isnt | neither
        never | no | nobody | none | nope | nor | not | nothing | shouldnt | wasnt | werent
        wont | wouldnt
    """,
    ),
    _group(
        0.9,
        """
        hasnt | havent | without
    """,
    ),
    _group(
        0.7,
        """
        disgusting | fucking
    """,
    ),
    _group(
        0.6,
        """
        didnt
    """,
    ),
    _group(
        0.5,
        """
        dont want | understand | very | you cant
    """,
    ),
    _group(
        0.4,
        """
        anything | around | dare | down | issue | know what | like a | needs | over
        playing | please | saying | something | wait | you just
    """,
    ),
    _group(
        0.3,
        """
        amount | asking | check | explanation | fuck | getting | happens | id | ill
        immediately | information | into | is no | like | message | online | pass | problem
        quite | really | school | service | signal | take | they didnt | things | think its
        through | too | use | want | weird | wrong | you think
    """,
    ),
    _group(
        0.2,
        """
        ago | ask | attention | before the | believe | bill | bought | broadband | call
        company | contact | customers | cut | data | didnt know | does not | during | earth
        even | explain | extra | few | first | fixed | future | go | heard | hot | hours
        how dare | i also | i still | kind of | least | little | long | meant | more
        now you | number | one of | order | own | paying | personally | quality | rate
        real | reply | right to | service in | so much | stay | suddenly | test | thats
        the problem | the signal | think | think you | thinking | under | want to | watch
        word | words | work | you know | you please
    """,
    ),
    _group(
        0.1,
        """
        a few | about that | again | also | and information | another | assistant | at first
        authorization | balance | behavior | besides | bills | blue | call me | calls
        canceled | change | d | day of | down the | every | fees | find | for three
        friends | handle the | i only | i wanted | industry and | information technology
        just a | kind | later | like this | line | live | maintenance | man | messages
        myself | now it | of industry | office | old | once | one | online customer
        original | out | owe | party | phone bills | phone calls | piece | piece of
        players | poor | private | reported | return the | second | seems | services | shut
        signal is | soon | specific | staff | start | telephone | the phone | these days
        three | through the | to pay | true | using | we dont | well as | why do | wifi
        you really | your phone
    """,
    ),
    _group(
        -0.1,
        """
        a lot | after | again and | always | am not | android | any problem | august
        back to | because i | because of | become | but the | but you | can understand
        cant be | cell | charge | chinese | clicked | connected | customer | damn | desktop
        didnt work | doing | dont like | everyone | except for | experience | feelings
        for months | games | hard | home | i havent | i love | indeed | is just | issues
        it seems | ive | job | know how | late | lose | lot | lot of | luo | meet | music
        new | no problem | not a | not to | notice | official | official website | operation
        or not | other | person | play | played | post | probably | purchase | quick | read
        red | refund | right now | run | service attitude | set | several times | shows
        so many | sorry to | started | still cant | taken | thank you | the customer
        the last | the power | the screen | the smartisan | theres no | think of | time to
        to ask | to see | to send | top | u | updating | upon | urgent | used to | voice
        wait for | waiting | was no | weeks | worth | x | yonghao
    """,
    ),
    _group(
        -0.2,
        """
        all of | all the | attitude | be used | bottom | but | buy | c | city | comment
        completely | customer service | different | earlier | happened | have any | heart
        house | i couldnt | i feel | i know | i like | i mean | i thought | i tried | is not
        it gets | knows | left | less | link | maybe | money | need | network | new year
        no response | of people | open | past | picture | problems | reason | repaired
        screen | seen | send | service i | shit | single | situation | system | terrible
        text | the best | the cellphone | the internet | the only | the other | there any
        times | to play | to take | tomorrow | took | up to | update | videos | website
        whether | while | wrong with | your reply
    """,
    ),
    _group(
        -0.3,
        """
        a good | about it | add | agree | back | bad | because | before | but i | cause
        dont have | except | finally | found | full | going | i just | im | internet
        it didnt | it doesnt | know | last | list | mean | much | night | not be | not the
        off the | often | power | response | since | someone | sure | video
    """,
    ),
    _group(
        -0.4,
        """
        absolutely | agreed | black | but it | calling | definitely | dont know | exactly
        i didnt | i dont | i think | means | okay | tried | turned | yeah | yep | yes
        yourself | yup
    """,
    ),
    _group(
        -0.5,
        """
        game | right | see | still | totally | try
    """,
    ),
    _group(
        -0.6,
        """
        good | oh | thought
    """,
    ),
    _group(
        -0.7,
        """
        alone | cried | cries | cry | crying | dead | death | depressed | depressing
        depression | died | feel | feeling | funeral | grief | heartbreaking | heartbroken
        lonely | loss | miss | missed | now | pain | passed | sadly | sorrow | suffering
        tears
    """,
    ),
    _group(
        -0.8,
        """
        beautiful | lost | sorry | support
    """,
    ),
    _group(
        -0.9,
        """
        afraid | amazing | anxiety | anxious | awesome | better | blessed | comfort
        condolences | congrats | congratulations | delighted | empathy | enjoy | enjoyed
        enjoying | excellent | excited | exciting | fantastic | favorite | favourite | fear
        feels | fun | glad | heal | healing | hopefully | hoping | horror | hug | hugs
        loved | lovely | loves | luck | nervous | nice | panic | perfect | pleased | prayers
        praying | proud | recover | recovery | sad | safe | scared | scary | strong
        supporting | sympathy | terrified | terrifying | wish | wishes | wishing | wonderful
        worried | worry | worrying | yay
    """,
    ),
    _group(
        -1.0,
        """
        admire | adorable | amused | amusing | appreciate | appreciated | best | brilliant
        charming | clever | comedy | cute | elegant | funny | gem | genius | gorgeous
        grateful | gratitude | great | haha | hahaha | handsome | happy | hehe | hilarious
        hope | impressive | inspiring | interesting | joke | jokes | joking | laugh
        laughed | laughing | laughs | legend | lmao | lmfao | lol | lolol | love | meme
        memes | ok | omg | precious | realised | realized | respect | rofl | shocked | skill
        skilled | smart | surprise | surprised | surprising | surprisingly | talented
        thank | thankful | thanks | thx | unexpected | welcome | whoa | wholesome | woah
        wow | xd
    """,
    ),
)
