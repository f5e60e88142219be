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
        aint | arent | cannot | cant | couldnt | doesnt | dont | hadnt | havent | isnt
        neither | never | no | nobody | none | nope | nor | not | nothing | shouldnt | wasnt
        werent | without | wont | wouldnt
    """,
    ),
    _group(
        0.8,
        """
        fucking | hasnt
    """,
    ),
    _group(
        0.7,
        """
        didnt | disgusting | very
    """,
    ),
    _group(
        0.6,
        """
        dont want
    """,
    ),
    _group(
        0.5,
        """
        issue | understand | wait
    """,
    ),
    _group(
        0.4,
        """
        anything | around | dare | down | know what | like | like a | needs | over | playing
        problem | really | saying | something | use | you cant | you just
    """,
    ),
    _group(
        0.3,
        """
        amount | asking | believe | check | fuck | getting | happens | hours | i also | ill
        immediately | information | is no | more | online | own | pass | please | school
        service | signal | take | thats | things | think its | through | too | weird
        you think
    """,
    ),
    _group(
        0.2,
        """
        again | ago | ask | broadband | cut | d | data | does not | down the | during
        earth | even | explain | explanation | extra | fees | few | first | friends | future
        hot | how dare | i still | into | its not | just a | kind | kind of | later | least
        line | long | meant | minutes | now you | one | one of | out | paying | personally
        private | quality | quite | rate | real | right to | short | signal is | soon
        suddenly | the problem | the signal | they didnt | think you | three | true | under
        watch | why do | wifi | word | words | wrong | you dont | you know
    """,
    ),
    _group(
        0.1,
        """
        a few | about that | and information | another | answer | any | arrive | assistant
        assume | at first | attention | authorization | before the | blue | both | bought
        cancel | canceled | change | clearly | coming | day of | didnt know | during the
        every | find | fixed | for three | go | handle the | heard | i only | i went
        industry and | information technology | last year | like this | little | live | m
        maintenance | man | ministry | ministry of | monthly | myself | now it | of industry
        of time | off | once | owe | party | piece | piece of | players | put | reported
        return the | running | same | second | service has | service in | services | shut
        staff | stay | street | taking | the card | the hell | the issue | the package
        thinking | though | through the | to pay | we dont | well as | work | working
        you please
    """,
    ),
    _group(
        -0.1,
        """
        a lot | actually | after | again and | am not | android | any problem | area
        attitude | august | back to | battery | because i | because of | but | but the
        but you | buy | cant be | cell | cellphone | changed | chinese | city | click
        clicked | com | completely | connected | desktop | didnt have | doing | dont like
        due | except for | failure | feelings | hasnt been | have any | hell | house
        i like | input | is just | issues | ive | job | just now | know how | last night
        late | less | life | lose | lot | lot of | luo | meet | music | new | not a
        not the | notice | official | official website | operation | or not | os | other
        place | post | read | reason | refund | reminder | shows | sound | such | taken
        the last | the power | the smartisan | think of | time to | top | u | up to | update
        updating | upon | urgent | used to | wait for | waiting | weeks | whether | worth
        wrong with | x
    """,
    ),
    _group(
        -0.2,
        """
        absolutely | agree | agreed | all of | all the | always | back | be used | become
        bottom | c | comment | definitely | different | earlier | exactly | good | happened
        hard | heart | home | i couldnt | i feel | i hope | i mean | i thought | i tried
        indeed | is not | it didnt | it seems | knows | left | link | maybe | mine | money
        need | network | new year | no response | not be | of people | ok | okay | open
        past | person | picture | play | played | problems | purchase | received | repaired
        response | seen | send | service i | several times | since | single | situation
        someone | sometimes | sorry to | sure | system | terrible | the internet | the most
        the only | the other | there any | theres no | times | to play | to send | to take
        tomorrow | took | videos | voice | website | while | yeah | yep | yes | yonghao
        yup
    """,
    ),
    _group(
        -0.3,
        """
        about it | amazing | awesome | beautiful | because | before | best | but i | but it
        congrats | congratulations | delighted | dont have | enjoy | enjoyed | enjoying
        excellent | except | excited | exciting | fantastic | favorite | favourite | finally
        full | fun | glad | going | great | happy | i didnt | i just | i know | im
        internet | it doesnt | it gets | last | list | love | loved | lovely | loves | mean
        much | nice | off the | often | perfect | pleased | power | proud | screen
        the cellphone | video | wonderful | yay | your reply | yourself
    """,
    ),
    _group(
        -0.4,
        """
        add | appreciate | appreciated | bad | black | cause | dont know | found | grateful
        gratitude | i dont | i think | know | means | most | night | see | shit | thank
        thankful | thanks | thx | tried | turned | welcome
    """,
    ),
    _group(
        -0.5,
        """
        game | right | still | totally
    """,
    ),
    _group(
        -0.6,
        """
        alone | loss | oh | thought | try
    """,
    ),
    _group(
        -0.7,
        """
        admire | adorable | brilliant | charming | clever | cried | cries | cry | crying
        cute | dead | death | depressed | depressing | depression | died | elegant | feel
        funeral | gem | genius | gorgeous | grief | handsome | heartbreaking | heartbroken
        impressive | inspiring | interesting | legend | lonely | lost | miss | missed | pain
        passed | precious | respect | sadly | skill | skilled | smart | sorrow | suffering
        talented | tears | wholesome
    """,
    ),
    _group(
        -0.8,
        """
        feeling | now
    """,
    ),
    _group(
        -0.9,
        """
        sad
    """,
    ),
    _group(
        -1.0,
        """
        afraid | amused | amusing | anxiety | anxious | better | blessed | comedy | comfort
        condolences | empathy | fear | feels | funny | haha | hahaha | heal | healing | hehe
        hilarious | hope | hopefully | hoping | horror | hug | hugs | joke | jokes | joking
        laugh | laughed | laughing | laughs | lmao | lmfao | lol | lolol | luck | meme
        memes | nervous | omg | panic | prayers | praying | realised | realized | recover
        recovery | rofl | safe | scared | scary | shocked | sorry | strong | support
        supporting | surprise | surprised | surprising | surprisingly | sympathy | terrified
        terrifying | unexpected | whoa | wish | wishes | wishing | woah | worried | worry
        worrying | wow | xd
    """,
    ),
)
