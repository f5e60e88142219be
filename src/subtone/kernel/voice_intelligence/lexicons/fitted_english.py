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
        wont
    """,
    ),
    _group(
        0.9,
        """
        hasnt | havent | wouldnt
    """,
    ),
    _group(
        0.8,
        """
        without
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
        dare | dont want | understand | wait | you cant
    """,
    ),
    _group(
        0.4,
        """
        anything | around | down | issue | know what | like a | needs | over | pass
        playing | please | saying | something | use | very | you just
    """,
    ),
    _group(
        0.3,
        """
        amount | asking | bought | check | fuck | getting | happens | heard | id | ill
        immediately | information | into | is no | like | message | online | problem | quite
        really | service | signal | take | they didnt | things | think its | too | want
        weird | word | you think
    """,
    ),
    _group(
        0.2,
        """
        ago | another | ask | attention | before the | believe | bill | broadband | call
        company | contact | customers | cut | data | didnt know | does not | during | earth
        even | every | explain | explanation | extra | few | first | fixed | future | hot
        hours | how dare | i also | i still | kind of | least | little | long | meant | more
        now you | number | off | one of | order | own | paying | personally | quality | rate
        reply | school | service in | shut | so much | stay | suddenly | test | thats
        the problem | the signal | think | think you | through | under | want to | watch
        words | work | wrong | you know
    """,
    ),
    _group(
        0.1,
        """
        a few | about that | again | also | and information | assistant | at first
        authorization | balance | base | behavior | bills | blue | call me | calls
        canceled | change | changing | comments | complete | d | day of | down the | fees
        find | for three | go | handle the | i only | i wanted | industry and
        information technology | just a | kind | later | line | live | maintenance | making
        man | now it | of industry | office | once | online customer | original | owe
        party | phone bills | phone calls | piece | piece of | players | poor | private
        put | real | reported | return the | right to | second | see the | seems | services
        signal is | soon | specific | staff | start | telephone | the phone | these days
        thinking | three | through the | to pay | true | up | using | we dont | well as
        why do | wifi | you please | you really | your phone
    """,
    ),
    _group(
        -0.1,
        """
        a lot | after | again and | always | am not | android | any problem | at least
        august | back to | because i | because of | become | but the | but you
        can understand | cant be | cell | cell phone | charge | chinese | clicked
        connected | customer | desktop | didnt have | doing | dont like | everyone
        except for | experience | feelings | fine | for months | games | hard | home
        i havent | i hope | i love | indeed | is just | issues | job | know how | late
        lose | lot of | luo | meet | music | new | no problem | not a | notice | official
        official website | operation | or not | other | play | played | post | probably
        purchase | quick | red | refund | right now | run | service attitude | set
        several times | shows | situation | so many | sometimes | sorry to | started
        still cant | taken | text | thank you | the customer | the last | the power
        the screen | the smartisan | theres no | think of | time to | to ask | to see | top
        u | updating | upon | urgent | used to | wait for | waiting | was no | weeks | worth
        x | yonghao
    """,
    ),
    _group(
        -0.2,
        """
        all of | all the | attitude | be used | bottom | but | buy | c | city | comment
        completely | customer service | different | earlier | happened | have any | heart
        house | i couldnt | i feel | i know | i like | i mean | i thought | i tried | is not
        it gets | it seems | knows | left | less | link | lot | maybe | money | need
        network | new year | no response | not the | of people | open | past | picture
        problems | reason | repaired | screen | seen | send | service i | shit | single
        system | terrible | the best | the cellphone | the internet | the only | the other
        there any | times | to play | to send | to take | tomorrow | took | up to | update
        videos | voice | website | whether | while | wrong with | your reply
    """,
    ),
    _group(
        -0.3,
        """
        a good | about it | add | agree | back | bad | because | before | but i | cause
        dont have | except | finally | found | full | going | i just | im | internet
        it didnt | it doesnt | know | last | list | mean | much | night | not be | off the
        often | power | response | since | someone | sure | video
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
        feeling | thought
    """,
    ),
    _group(
        -0.7,
        """
        alone | cried | cries | cry | crying | dead | death | depressed | depressing
        depression | died | feel | funeral | good | grief | heartbreaking | heartbroken
        lonely | loss | miss | missed | now | oh | pain | passed | sadly | sorrow
        suffering | tears
    """,
    ),
    _group(
        -0.8,
        """
        afraid | anxiety | anxious | beautiful | better | blessed | comfort | condolences
        empathy | fear | feels | heal | healing | hopefully | hoping | horror | hug | hugs
        lost | luck | nervous | panic | prayers | praying | recover | recovery | safe
        scared | scary | sorry | strong | support | supporting | sympathy | terrified
        terrifying | wish | wishes | wishing | worry | worrying
    """,
    ),
    _group(
        -0.9,
        """
        amazing | awesome | congrats | congratulations | delighted | enjoy | enjoyed
        enjoying | excellent | excited | exciting | fantastic | favorite | favourite | fun
        glad | loved | lovely | loves | nice | perfect | pleased | proud | wonderful
        worried | yay
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
        memes | ok | omg | precious | realised | realized | respect | rofl | sad | shocked
        skill | skilled | smart | surprise | surprised | surprising | surprisingly
        talented | thank | thankful | thanks | thx | unexpected | welcome | whoa | wholesome
        woah | wow | xd
    """,
    ),
)
