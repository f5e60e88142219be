"""Weights of English terms, fitted.

Written by ``python -m bench.fit_text``; ``--check`` compares.
Source: English translation of the customer-helpdesk dialogues of NTCIR STC-3 with annotated
satisfaction (Zeng, Luo, Shang, Li and Sakai), CC BY 4.0; the part that
``bench.text_corpora`` does not hold out. Ridge logistic regression, one weight a term,
in the unit of the authored lexicon's; names of companies and places were left out.
"""

from __future__ import annotations

from subtone.contracts.vocabulary import SpanKind
from subtone.kernel.voice_intelligence.lexicons.entries import Group


def _group(weight: float, terms: str) -> Group:
    return Group(SpanKind.FITTED, weight, terms, provenance="fitted-1")


GROUPS = (
    _group(
        2.0,
        """
        dont | signal
    """,
    ),
    _group(
        1.9,
        """
        information
    """,
    ),
    _group(
        1.7,
        """
        data | why
    """,
    ),
    _group(
        1.6,
        """
        asking | number
    """,
    ),
    _group(
        1.5,
        """
        online | service
    """,
    ),
    _group(
        1.4,
        """
        broadband | cant | customers | one
    """,
    ),
    _group(
        1.3,
        """
        i wont | really | time
    """,
    ),
    _group(
        1.2,
        """
        contact | day | fees | first | is no | never | order | you dont
    """,
    ),
    _group(
        1.1,
        """
        ask | clear | like | message | rate | yourself
    """,
    ),
    _group(
        1.0,
        """
        anything | canceled | earth | handle the | long | messages | my problem | need | no
        people | problem | signal is | use | wifi | you think
    """,
    ),
    _group(
        0.9,
        """
        at least | bought | call me | check | computer | deduction | doesnt | even | issue
        ive | least | own | reported | return the | short | tweet | wont
    """,
    ),
    _group(
        0.8,
        """
        according | ask me | asked | bank | big | bills | company | day of | explanation
        give me | more | myself | not | opened | saying | telephone | the broadband
        the package | the signal | through | times | up | why do | working | years
        you please
    """,
    ),
    _group(
        0.7,
        """
        a few | and information | at first | balance | bill | business | call | calls
        cancel | cancel the | few | handle | happened | i used | i went | improve
        industry and | information technology | just a | line | monthly | nothing
        number of | of industry | only | out | phone bills | please | quality | quite
        several | short message | software | the online | the phone | to inquire | to pay
        want | way | words | write | your customer
    """,
    ),
    _group(
        0.6,
        """
        according to | after the | am really | ask you | assistant | before and | case
        changing | dont want | during | expenses | explain | find | hour | i still
        industry | install | its not | long time | messages to | need to | network in
        opened the | over | pay | phone and | private | problems | provide | restart
        return | service has | service in | services | staff | take | test | the business
        the number | third | to call | your phone
    """,
    ),
    _group(
        0.5,
        """
        all | at home | attention | besides | but | but they | cant be | charged | director
        down the | during the | half | half a | hasnt | however | is very | later | liaoning
        news | no signal | period | phone bill | phone call | phone number | resolve
        returned | see | service for | service staff | speed of | station | still have
        such | technology | the order | the time | the user | there hasnt | this way
        though | to buy | until | user | users | wanted | went | you cant | you just
        your business | your service
    """,
    ),
    _group(
        0.4,
        """
        a long | about the | actually | again | against you | are really | believe | cards
        clearly | clicking | companies | contact me | couldnt | deducted | dialed
        dont need | enterprise | fee | feel | forcibly | have sent | i bought | inquire
        it just | key | local | loss | maintenance | making | money | months | my own
        nothing to | number was | off | once | or not | page | phone calls | problem is
        short messages | side | signal was | specific | the card | the information
        the installation | the issue | the key | the month | the problem | the software
        think you | today | traffic | tried it | two | used | very | wait | was no | web
        went to | while | working staff | year
    """,
    ),
    _group(
        0.3,
        """
        ago | also | any | app | away | baidu | basically | bound | card | center
        change the | charging | check the | consumers | days | dont you | each time | else
        i need | i want | into | is charged | it cant | leeco | maybe | my number | name
        nor | numbers | optical | person | place | please give | qq | real | results | room
        self | set | so many | talk | technical | th day | the right | the traffic
        time and | to give | traffic data | troublesome | tv | under | upgraded to | volume
        websites | why can | why is | without | work | yesterday
    """,
    ),
    _group(
        0.2,
        """
        almost | applied | asked me | charges | chat | come | connect | connected to | cover
        download | each | free | give | gone | hotline | i sent | i thought | it doesnt
        new | not the | of service | photos | poor | seems that | solve the | soon
        suddenly | technical support | the computer | the first | the money | the photos
        the private | the reply | the service | the two | the way | the whole | three
        to see | to wait | transacted | well | whole
    """,
    ),
    _group(
        -0.2,
        """
        about | after i | are all | became | can understand | caused by | customer
        data package | displayed | evening | except | except for | from time | g | handled
        higher | hope you | how many | hunan customer | input method | it turns | last time
        link | manager | month | nearly | please help | please tell | resolve the
        service is | since the | system | to time | turned | turns | understand | video
        voice | why did | your company | your staff
    """,
    ),
    _group(
        -0.3,
        """
        afternoon | bar | be connected | but you | cellphones | changed | charge | different
        earlier | g signal | gets | hi | hunan | i cant | i checked | i couldnt | i hope
        installed | is also | is still | it again | just want | lot | official customer
        online business | open | payment | phone is | picture | plan | problem of | refunded
        request | search | service of | shaanxi | sogou input | strange | the network
        the top | the version | these days | time i | to handle | tried | use it | v | whats
        why there
    """,
    ),
    _group(
        -0.4,
        """
        a lot | access | account | advance | always | answer | back | can only | convenient
        couldnt be | home | i download | i tried | it still | like this | lot of
        luo yonghao | message to | my cellphone | next | no matter | occur | play | post
        pressed | previous | result | seconds | smartisan customer | sogou | sorry
        the latest | the official | this month | to use | top | updating
    """,
    ),
    _group(
        -0.5,
        """
        a month | black | business hall | busy | but the | charge the | city | crash | hello
        i didnt | i go | i received | i think | i use | is not | just | list | means
        normal | notice | number is | off the | often | press | price | problem has
        receive | received the | resolved | restarted | right | send | the customer
        the data | the internet | the original | the telephone | this morning | took | true
        try it | used the | version | wait for
    """,
    ),
    _group(
        -0.6,
        """
        am not | android | before | but i | caused | cellphone | chinese | closed
        customer service | district | hall | i called | internet access | it seems | know
        latest | less | luo | month and | night | official | original | os | seems | still
        the screen | the smartisan | trouble | use the | will try
    """,
    ),
    _group(
        -0.7,
        """
        called | com | connected | finally | i know | input | it gets | method | much
        response | sad | some | to ask | via
    """,
    ),
    _group(
        -0.8,
        """
        add | cell | cell phone | mean | network | there any | to send
    """,
    ),
    _group(
        -0.9,
        """
        after | after a | again and | august | be used | because | desktop | didnt
        new year | operation | service attitude | service i | the other | totally
    """,
    ),
    _group(
        -1.0,
        """
        am sorry | attitude | but it | hard | purchase | screen | sorry to | the power
        website | yes | yonghao
    """,
    ),
    _group(
        -1.1,
        """
        click | hope | just now | left | power | received | whether
    """,
    ),
    _group(
        -1.2,
        """
        c | found | i just | repaired | the cellphone
    """,
    ),
    _group(
        -1.3,
        """
        now
    """,
    ),
    _group(
        -1.5,
        """
        oh
    """,
    ),
    _group(
        -1.6,
        """
        your reply
    """,
    ),
    _group(
        -1.7,
        """
        try
    """,
    ),
)
