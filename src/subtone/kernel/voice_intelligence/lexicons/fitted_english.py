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
    return Group(SpanKind.FITTED, weight, terms, provenance="fitted-3")


GROUPS = (
    _group(
        1.0,
        """
        aint | arent | cannot | cant | couldnt | doesnt | dont | hadnt | isnt | neither | no
        nobody | none | nope | nor | not | nothing | shouldnt | wasnt | werent | wont
    """,
    ),
    _group(
        0.9,
        """
        havent | never | wouldnt
    """,
    ),
    _group(
        0.8,
        """
        fucking | hasnt | without
    """,
    ),
    _group(
        0.7,
        """
        disgusting
    """,
    ),
    _group(
        0.6,
        """
        didnt | dont want | very
    """,
    ),
    _group(
        0.5,
        """
        anything | issue | understand | wait | you cant
    """,
    ),
    _group(
        0.4,
        """
        around | dare | down | ill | know what | like a | needs | playing | please | really
        saying | something | use | you just
    """,
    ),
    _group(
        0.3,
        """
        amount | ask | asking | check | even | fuck | getting | happens | i also
        immediately | into | is no | like | more | online | over | own | pass | problem
        school | signal | take | thats | things | too | weird | you think
    """,
    ),
    _group(
        0.2,
        """
        again | ago | before the | believe | bought | broadband | cut | data | does not
        during | earth | explain | explanation | extra | few | first | future | go | heard
        hot | hours | how dare | i still | information | just a | kind | kind of | later
        least | little | long | meant | minutes | now you | one of | party | paying
        quality | quite | rate | right to | service | short | soon | stay | suddenly
        the problem | the signal | think its | think you | three | through | under | watch
        why do | word | work | wrong | you know
    """,
    ),
    _group(
        0.1,
        """
        a few | about that | and information | another | answer | assistant | assume
        at first | attention | authorization | balance | be solved | behavior | besides
        blue | both | cancel | cancel the | canceled | change | clearly | d | day of
        didnt know | down the | during the | every | fees | find | fixed | for three
        friends | handle the | i only | i went | industry and | information technology
        last year | line | live | maintenance | man | ministry | ministry of | now it
        of industry | off | once | one | original | out | owe | personally | piece
        piece of | players | poor | private | put | real | reply | reported | return the
        running | same | second | seems | service in | services | shut | signal is
        specific | staff | taking | the loss | the package | they didnt | thinking
        through the | to pay | using | we dont | well as | why | wifi | win | words | year
        you please | you really
    """,
    ),
    _group(
        -0.1,
        """
        a lot | after | again and | always | am not | android | any problem | are not
        august | back to | because of | become | but | but you | buy | cant be | cell
        chinese | clicked | com | connected | damn | desktop | didnt have | doing
        dont like | everyone | except for | experience | feelings | g | gets | ha
        hasnt been | i like | i tried | indeed | is just | issues | just now | know how
        last night | late | life | lose | lot of | luo | new | not to | notice | official
        official website | operation | or not | os | other | person | play | played | post
        read | received | red | refund | right now | run | service attitude | several times
        shows | sometimes | still cant | thanks for | the last | the most | the power
        the screen | the smartisan | theres no | think of | time to | to send | top | u
        up to | update | updating | upon | urgent | version | wait for | waiting | weeks
        worth | x | yonghao
    """,
    ),
    _group(
        -0.2,
        """
        a good | all of | attitude | be used | bottom | but the | c | city | comment
        different | earlier | happened | hard | have any | heart | home | house | i feel
        i hope | i just | i mean | i thought | it didnt | it seems | knows | left | less
        link | list | lot | maybe | meet | mine | money | need | network | new year
        no response | not the | of people | open | past | picture | problems | purchase
        repaired | seen | send | service i | since | single | situation | sorry to | system
        terrible | the internet | the only | there any | times | to play | to take
        tomorrow | took | videos | voice | website | whether | while | wrong with
        your reply
    """,
    ),
    _group(
        -0.3,
        """
        about it | agree | all the | back | because | before | but i | but it | cause
        completely | dont have | except | finally | full | going | good | i couldnt
        i didnt | i dont | i know | im | internet | it doesnt | it gets | know | last | mean
        much | not be | off the | often | power | response | screen | someone | sure
        the cellphone | the other | video | yourself
    """,
    ),
    _group(
        -0.4,
        """
        absolutely | add | agreed | bad | black | definitely | dont know | exactly | found
        i think | means | most | night | okay | see | shit | tried | turned | yeah | yep
        yes | yup
    """,
    ),
    _group(
        -0.5,
        """
        beautiful | game | perfect | still | totally | try
    """,
    ),
    _group(
        -0.6,
        """
        alone | amazing | awesome | congrats | congratulations | dead | delighted | enjoy
        enjoyed | enjoying | excellent | excited | exciting | fantastic | favorite
        favourite | feeling | fun | glad | great | loss | lost | love | loved | lovely
        loves | nice | pleased | proud | thought | wonderful | yay
    """,
    ),
    _group(
        -0.7,
        """
        best | cried | cries | cry | crying | death | depressed | depressing | depression
        died | feel | funeral | grief | heartbreaking | heartbroken | lonely | miss | missed
        now | oh | pain | passed | right | sadly | sorrow | suffering | tears
    """,
    ),
    _group(
        -0.8,
        """
        better | happy | support
    """,
    ),
    _group(
        -0.9,
        """
        blessed | comfort | condolences | empathy | feels | heal | healing | hopefully
        hoping | hug | hugs | luck | prayers | praying | recover | recovery | sad | safe
        sorry | strong | supporting | sympathy | wish | wishes | wishing
    """,
    ),
    _group(
        -1.0,
        """
        admire | adorable | afraid | amused | amusing | anxiety | anxious | appreciate
        appreciated | brilliant | charming | clever | comedy | cute | elegant | fear | funny
        gem | genius | gorgeous | grateful | gratitude | haha | hahaha | handsome | hehe
        hilarious | hope | horror | impressive | inspiring | interesting | joke | jokes
        joking | laugh | laughed | laughing | laughs | legend | lmao | lmfao | lol | lolol
        meme | memes | nervous | ok | omg | panic | precious | realised | realized | respect
        rofl | scared | scary | shocked | skill | skilled | smart | surprise | surprised
        surprising | surprisingly | talented | terrified | terrifying | thank | thankful
        thanks | thx | unexpected | welcome | whoa | wholesome | woah | worried | worry
        worrying | wow | xd
    """,
    ),
)
