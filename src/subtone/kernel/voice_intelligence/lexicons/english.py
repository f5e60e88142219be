"""English terms of the contact-centre register."""

from __future__ import annotations

from subtone.contracts.vocabulary import SpanKind
from subtone.kernel.voice_intelligence.lexicons.entries import Cue, Group, Position, words

FRUSTRATION = (
    Group(
        SpanKind.FRUSTRATION,
        3.2,
        """
        furious | livid | enraged | outraged | infuriated | infuriating | fuck you | fuck off
        go to hell | piece of shit | bullshit | seething | absolute joke | complete joke | fed up
        sick and tired | sick of this | sick of you | had it with you | fuming | screw you
        thieves | scammers | con artists | crooks | daylight robbery | go fuck yourself
        """,
    ),
    Group(
        SpanKind.FRUSTRATION,
        2.4,
        """
        f*ck | f**k | f*cking | f**king | sh*t | s**t | b*tch | bulls**t | bullying | went too far
        shittiest | shitshow | scamming | nasty | what a joke | insufferable | angry | rage
        pissed off | pissed | outrageous | unacceptable | disgusting | disgusted | disgraceful
        disgrace | appalling | appalled | atrocious | shameful | shambles | hate you | ridiculous
        absurd | pathetic | useless | incompetent | incompetence | clueless | idiots | idiot
        idiotic | morons | moron | imbecile | liars | liar | scam | scammed | rip off | ripped off
        ripoff | fraud | cheated | robbed | stealing | stole my | horrible | terrible | awful
        horrendous | dreadful | abysmal | worst | crap | garbage | rubbish | shit | shitty
        nightmare | lost my patience | losing my patience | no patience left | driving me crazy
        drives me crazy | driving me insane | never again | never buying | never using | hate
        asshole | assholes | bastard | bastards | bitch | dickhead | fuck | fucked | fucks | lying
        cannot stand | can't stand | can't take it anymore | enough is enough | had enough
        cunt | cunts | douche | douchebag | scumbag | scumbags | shithead | jackass | horseshit
        dumbass | dipshit | motherfucker | prick | pricks | twat | wanker | arsehole | dickheads
        piece of crap | fucker | fuckers
        shut up | shut the fuck up | despise | loathe | resent | sick of
        """,
    ),
    Group(
        SpanKind.FRUSTRATION,
        1.7,
        """
        complained | complaining | complains | nobody cared | no one cared | shirk | shirking
        rogue | rogues | take advantage of me | inexplicable | false advertising | bait and switch
        cheating customers | deceiving | deceive | lie to me | lied to me | lying to me
        is a joke | a joke | dislike | disturbing | irrelevant answer | speechless | nonsense
        cheat | cheating | cheats | unqualified | not qualified | horrific | childish | immoral
        unreasonable | troll | harass | harassing | harassment | third time | fourth time
        fifth time | sixth time | tenth time | umpteenth | annoyed | annoying | annoy | annoys
        annoyance | irritated | irritating | frustrated | frustrating | frustration | upset
        upsetting | mad at | so mad | really mad | mad about | unhappy | dissatisfied
        disappointed | disappointing | disappointment | let down | stupid | wasting my time
        waste of my time | waste my time | what a waste
        waste of time | waste of money | wasted | wasting | unreliable | insane | unprofessional
        rude | disrespectful | arrogant | ignorant | condescending | lied | lies | misled
        misleading | dishonest | deceived | deceptive | overcharged | overcharging
        double charged | charged twice | charging me twice | charged me twice | ripping me off
        nobody helps | no one helps | nobody helped | nobody cares | no one cares | don't care
        ignored | ignoring me | ignores me | keeps hanging up | hung up on me | hangs up on me
        broken promises | broke your promise | sloppy | careless | negligent | negligence | dumb
        run around | runaround | passed around | passed from | passing the buck | fobbed off
        messed up | screwed up | screwed | botched | ruined | unbelievable | inexcusable | ashamed
        bored of waiting | tired of | done with you | done with this | regret | sucks | suck
        sucked | lousy | poor service | bad service | terribly | lame | damn | dammit | damned
        goddamn | bloody | what the hell | why the hell | how the hell | who the hell | wtf
        what the fuck | jesus christ | for god's sake | for christ's sake | for fuck's sake | ffs
        sickening | hateful | toxic | gross | bloody hell | utter | so bad | wretched | scum
        creepy | ridiculously | miserable | hopeless | trash | cowards | delusional | clown
        clowns | worse | hate it | hated | hating | hates | fake | disgust | a load of | cruel
        evil | vile | filthy
        dumbest | stupidest | stupidity | idiocy | piss me off | pisses me off | pissing me off
        grow up | loser | losers | jerk | jerks | bigot | bigots | hypocrites | hypocrisy
        disrespect | disingenuous | get a life | how dare | mind your own business
        stop lying to me | contempt | spiteful | greedy | shady | crappy
        """,
    ),
    Group(
        SpanKind.FRUSTRATION,
        1.1,
        """
        i'm done | i am done | different answer | different story | but never did | been # weeks
        been # months | been # days | been # hours | nobody told me | no one told me
        nobody is answering | is nobody answering | nobody called | no one called
        nobody answering | not using you again | never use you again | going in circles
        round in circles | compensation | compensate me | deduct my money | deducted my money
        no improvement | any improvement | unstable | exaggerated | make it clear | victim
        never again will | broke down | broke again | went down again | again and again and again
        hell | need an explanation | want an explanation | owe me an explanation
        give me an explanation | no excuse | an excuse | so slowly | very slowly | reply so slowly
        want my money | want refund | give me my money | waited so long | so many times | # time i
        # times already | called # times | called you # times | # times now | # calls
        multiple times | several times | many times | over and over | again and again
        time and again | yet again | keep calling | keeps happening | keep getting | still not
        still no | still hasn't | still haven't | still isn't | still doesn't | still don't
        still can't | still didn't | still broken | still waiting | waiting for # | waiting #
        waited # | waited for # | been waiting | waiting for weeks | waiting for hours
        waiting for days | waiting forever | on hold for | for hours | for days | for weeks
        for months | # hours on hold | # weeks now | # days now | # months now | not working
        doesn't work | does not work | don't work | didn't work | won't work | nothing works
        never works | never worked | stopped working | never arrived | never came | never received
        no response | no reply | no answer | no one answers | nobody answers | no one answer
        nobody answered | no one answered | never answer | never reply | never call back
        never called back | not answering | no help | not helping | unhelpful | not helpful
        transferred from | transferred again | money back | want a refund | wrong again | not fair
        unfair | not acceptable | not good enough | not fine | not ok | not okay | bad experience
        bad | too slow | so slow | slow as | faulty | defective | refuse to | refused to
        refuses to | not right | makes no sense | delayed again | another delay | bothered
        cancel everything | take my business elsewhere | taking my business elsewhere
        switch provider | switching provider | leaving you | shame on | shame | stop calling
        stop sending | stop charging | stop telling me | stop lying | leave me alone | you people
        you guys never | nobody knows | no one knows | what's wrong with you | get lost
        weird excuse | excuses | blame | blaming | why should i | at a loss of patience | ugly
        hostile | hurt | no wonder | not listening | don't listen | never listen
        not what i ordered | hypocrite
        """,
    ),
    Group(
        SpanKind.FRUSTRATION,
        0.7,
        """
        hate to complain | has been down | been down since | is down again | for nothing
        cancel it | wrong | slowly | late again | too late | so late | came late | in trouble
        big trouble | poor quality | unfortunately | what a hassle | refund | :( | ☹ | 😞 | nope
        broken | delay | delays | delayed | missing | lost | damaged | cracked | error | errors
        crashed | crashes | crashing | fails | failed | failing | failure | problem again
        issue again | hasn't arrived | hasn't come | haven't received | didn't receive
        did not receive | not received | not arrived | didn't arrive | not delivered | not yet
        why is it | why can't | why cannot | why don't you | why didn't you | why won't you
        why haven't | slow | keeps | keep asking | can't access | can't log in | cannot log in
        can't connect | no signal | no service | disconnected | cut off | dropped call | on hold
        overdue | incorrect | mistake | charged again | extra charge | hidden fee | hidden fees
        too expensive | overpriced | inconvenience | inconvenient | complicated | difficult
        hassle | argue | not able to | unable to | impossible | cheap | weird | cancel my account
        close my account | cancel my contract | cancel my subscription | disagree | wrong with you
        """,
    ),
    Group(
        SpanKind.FRUSTRATION,
        2.0,
        """
        thanks for nothing | thank you for nothing | yeah right | oh great | just great
        just wonderful | just perfect | just fantastic | oh wonderful | oh perfect | oh fantastic
        just what i needed | great job guys | nice job guys | slow clap | good luck with that
        as if you care | as if you cared | what a surprise | surprise surprise | big surprise
        how convenient | real classy | real professional | thanks a bunch | oh joy | lucky me
        sure you will | sure you are | so much for | great another | great now
        """,
    ),
    Group(
        SpanKind.FRUSTRATION,
        2.0,
        "😡 | 🤬 | 😠 | 😤 | 👎 | 🖕 | 💢 | 🙄 | 🤮",
    ),
)

RHETORICAL = (
    Group(
        SpanKind.RHETORICAL_QUESTION,
        1.7,
        """
        don't you dare | how hard can it be | how hard is it | how difficult can it be
        how difficult is it | are you kidding | are you kidding me | you kidding me
        you've got to be kidding | you must be kidding | are you serious | are you joking
        you must be joking | is this a joke | is this some kind of joke | is that a joke
        what kind of service | what kind of company | what kind of joke | do you even
        do you even care | who do you think you are | do you think i'm stupid
        do you think i am stupid | what is wrong with you | what's wrong with you people
        how many times do i | how many more times | how many times must i | how many times have i
        how long do i have to | how long must i | how much longer | what am i paying for
        what do i pay you for | is anybody there | is anyone even | does anyone even
        does anybody | why bother | what's the point | what is the point | how dare you
        am i supposed to | what more do you want | is it too much to ask | what the heck
        who cares | what is your problem | what's your problem | wth
        """,
    ),
)

CONFUSION = (
    Group(
        SpanKind.CONFUSION,
        2.2,
        """
        confused | confusing | confuses me | baffled | baffling | bewildered | puzzled | puzzling
        perplexed | don't understand | do not understand | didn't understand | can't understand
        cannot understand | couldn't understand | never understood | makes no sense to me
        lost me | doesn't make sense | does not make sense | don't get it | didn't get that
        can't figure out | cannot figure out | can't make sense | no idea | haven't a clue
        have no clue | at a loss | totally lost | completely lost | i'm lost | not following
        can't follow | don't follow
        """,
    ),
    Group(
        SpanKind.CONFUSION,
        1.2,
        """
        not sure | unsure | not clear | unclear | not certain | uncertain | i wonder | wondering
        what do you mean | what does that mean | what does this mean | what is this | what's this
        what are you talking about | what are you saying | don't know | do not know | didn't know
        doesn't say | how does this work | how does that work | how is that possible | how come
        can you explain | could you explain | please explain | explain again | say that again
        come again | could you repeat | can you repeat | please clarify | can you clarify
        clarify | which one is it | which is it | hard to follow | mixed up | contradictory
        different every time | sounds complicated | huh | not getting it | pardon
        where do i even | how am i | what now
        """,
    ),
)

URGENCY = (
    Group(
        SpanKind.URGENCY,
        2.2,
        """
        urgent | urgently | emergency | asap | a.s.a.p. | immediately | right now | right away
        right this minute | at once | this instant | critical | life or death | no time to lose
        can't wait any longer | cannot wait any longer | can't wait any more | time is running out
        running out of time | desperate | desperately
        """,
    ),
    Group(SpanKind.URGENCY, 0.6, "now | quickly | quick | fast | faster | sooner"),
    Group(
        SpanKind.URGENCY,
        1.3,
        """
        do it today | need this today | fixed today | sorted today | solved today | must be today
        as soon as possible | hurry | hurry up | by tonight | by tomorrow | before tomorrow
        before noon | within the hour | in one hour | in an hour | in # minutes | in # hours
        deadline | due today | expires today | last chance | straight away | without delay
        need it now | need it today | waiting outside | priority | rush | expedite | speed up
        can't wait | cannot wait | must have it | time sensitive | leaves in | on my way to
        stuck at | stranded | locked out
        """,
    ),
)

CALM = (
    Group(
        SpanKind.CALM,
        1.8,
        """
        no problem | no problem at all | no worries | not a problem | take your time | no rush
        no hurry | not urgent | not in a hurry | in no hurry | whenever you can
        whenever you're ready | i can wait | i'll wait | happy to wait | i don't mind waiting
        i don't mind | don't worry | don't worry about it | that's all right | that's alright
        that's okay | that's ok | it's all good | all good | no big deal | not a big deal
        at your convenience | i understand completely | quite understand | totally understand
        that's understandable | no complaint | no complaints | nothing to complain about
        without a problem | any time is fine | have no problem | have no problems | had no problem
        had no problems | there is no problem | there's no problem | there was no problem
        no problems
        """,
    ),
    Group(
        SpanKind.CALM,
        1.1,
        """
        calm | relaxed | patient | patiently | patience | that's fine | that is fine
        fine with me | fine by me | fine for me | i'm fine with that | works for me | that works
        sounds good | sounds fine | sounds reasonable | fair enough | makes sense | i see
        i understand | got it | understood | understandable | reasonable | okay then
        all right then | alright then | of course | good to know | good enough | that'll do
        i can manage | easy | smoothly | comfortable | at ease | peaceful | working fine
        works fine | just checking | just wondering | just a question | when you have a moment
        when you get a chance | good morning | good afternoon | good evening | have a nice day
        have a good day | you too | never a problem
        """,
    ),
    Group(SpanKind.CALM, 0.6, "okay | ok | sure | alright | all right | no need"),
)

POSITIVITY = (
    Group(
        SpanKind.POSITIVITY,
        2.6,
        """
        thank you so much | thanks so much | thank you very much | thank you ever so much
        can't thank you enough | cannot thank you enough | much appreciated | really appreciate
        appreciate it so much | you are the best | you're the best | you're a lifesaver
        lifesaver | saved my day | made my day | over the moon | couldn't be happier
        could not be happier | couldn't ask for more | love it | love this | absolutely love
        excellent | outstanding | fantastic | wonderful | amazing | awesome | brilliant | perfect
        superb | marvellous | marvelous | exceptional | delighted | thrilled | ecstatic
        five stars | 5 stars | hooray | hurray | woohoo | yay | i love you | well done
        best service | best ever | incredible job | can't wait to | cannot wait to
        """,
    ),
    Group(
        SpanKind.POSITIVITY,
        1.6,
        """
        helpful | great | happy | glad | pleased | satisfied | love | loved | loving | lovely
        enjoy | enjoyed | beautiful | grateful | thankful | good news | good job | great job
        nice work | great work | great service | great help | so helpful | very helpful
        really helpful | impressed | impressive | recommend | thanks a lot | thanks a million
        thank you again | many thanks | appreciate | appreciated | relieved | relief
        works perfectly | all sorted | all fixed | problem solved | fixed it | sorted it | solved
        very kind | so kind | cheers | friendly | professional service | terrific | splendid
        phenomenal | flawless | cool | fun | excited | proud | congrats | congratulations
        delightful | 😊 | 😀 | 😃 | 😄 | 👍 | ❤ | 🙏 | 🎉 | 😍 | 🥰 | 😁 | 👏
        """,
    ),
    Group(
        SpanKind.POSITIVITY,
        0.8,
        """
        it's fixed | is fixed | been fixed | got fixed | has been resolved | is resolved
        was resolved | :) | 😂 | 🤣 | the best | best | nice | kind | good | polite | pleasant
        courteous | efficient | works now | working now | better now | better | smile | haha
        hahaha | lol | welcome | trust | respect | quick response
        """,
    ),
    Group(
        SpanKind.POSITIVITY, 0.3, "thanks | thank you | thank u | thx | ty | please and thank you"
    ),
)

SUPPRESSION = (
    Group(
        SpanKind.SUPPRESSION,
        1.0,
        """
        whatever | whatever you say | whatever you want | forget it | forget about it
        just forget it | never mind | nevermind | doesn't matter | does not matter
        it doesn't matter | don't bother | suit yourself | as you like | as you wish
        if you say so | do what you want | do whatever | it's fine | it is fine | i'm fine
        i am fine | we're fine | it's nothing | i guess it's fine | i give up | no point
        what can i do | so be it | i said it's fine | it is what it is | nothing to say
        i'm used to it | let's leave it | let it go | leave it
        """,
        Position.CLAUSE_END,
    ),
    Group(
        SpanKind.SUPPRESSION,
        1.0,
        """
        fine | fine then | fine whatever | ok fine | okay fine | just fine | leave it then
        """,
        Position.WHOLE_CLAUSE,
    ),
)

ESCALATION = (
    Group(
        SpanKind.ESCALATION_REQUEST,
        1.0,
        """
        complain | complaint | complaints | complaining about you | file a complaint
        make a complaint | lodge a complaint | raise a complaint | formal complaint | escalate
        escalated | escalation | lawyer | lawyers | attorney | solicitor | legal action
        take you to court | see you in court | small claims | sue you | sue your | sue them
        will sue | i'll sue | going to sue | gonna sue | to sue | lawsuit | regulator | regulators
        ombudsman | consumer protection | consumer rights | trading standards
        better business bureau | bbb | ofcom | fcc | ftc | watchdog | report you | reporting you
        go to the press | go to the media | post this on | tell everyone online
        social media about this | chargeback | someone higher up | someone higher
        someone in charge | someone more senior | person in charge | higher level
        """,
    ),
    Group(
        Cue.AUTHORITY,
        1.0,
        """
        supervisor | supervisors | manager | managers | management | boss | superior | superiors
        team leader | team lead | director | head office | headquarters | ceo
        """,
    ),
    Group(
        Cue.REQUEST,
        1.0,
        """
        speak | speaking | talk | talking | get | want | need | connect | transfer | put | call
        bring | see | fetch | find | give | pass me | let me | where is | where's | have your
        is there | demand | contact | reach | hear from | write to
        """,
    ),
)

CUES = (
    Group(
        Cue.EXTREME,
        1.0,
        """
        extremely | absolutely | completely | totally | utterly | incredibly | insanely | beyond
        unbelievably | the most | by far the | entirely | thoroughly | downright
        """,
    ),
    Group(
        Cue.VERY,
        1.0,
        """
        very | really | so | such | such a | too | truly | highly | seriously so | deeply | super
        awfully | real | pretty damn | damn well | especially | particularly | hugely | severely
        """,
    ),
    Group(Cue.MORE, 1.0, "more | much | even | even more | quite | pretty | rather | increasingly"),
    Group(
        Cue.SLIGHT,
        1.0,
        """
        slightly | a bit | a little | a little bit | bit | somewhat | kind of | kinda | sort of
        sorta | mildly | fairly | a touch | partly | almost | less
        """,
    ),
    Group(
        Cue.AFTERTHOUGHT, 1.0, "as hell | as fuck | af | to death | beyond words | beyond belief"
    ),
    Group(Cue.EXPLETIVE, 0.9, "freaking | frickin | fricking | effing | frigging"),
    Group(Cue.EXPLETIVE, 1.7, "fucking | fuckin | fkn | goddamned"),
    Group(
        Cue.NEGATION,
        3.0,
        """
        not | never | doesn't | didn't | isn't | aren't | wasn't | weren't | won't | wouldn't
        can't | cannot | couldn't | shouldn't | hasn't | haven't | hadn't | ain't | without
        neither | nor | none | nobody | nothing | hardly | barely | rarely | seldom | no longer
        far from | don't think | do not think | didn't think | don't feel | don't believe
        wouldn't say | can't say | cannot say | not say | don't have any | not going to | have no
        has no | there is no
        """,
    ),
    Group(Cue.NEGATION, 2.0, "no"),
    Group(Cue.PROHIBITION, 3.0, "don't | do not"),
    Group(Cue.CONTRAST, 1.0, "but | however | nevertheless"),
    Group(
        Cue.CONSEQUENCE,
        1.0,
        "i will | i'll | we will | we'll | i shall | i'm going to | i am going to | i'm gonna",
    ),
    Group(
        Cue.SOFTENER,
        1.0,
        """
        then | i guess | i suppose | anyway | man | guys | just | oh | yeah | yes | honestly
        please | sir | the | your | a | my | to me
        """,
    ),
    Group(
        Cue.SHADOW,
        1.0,
        """
        can't believe how | i'm a lawyer | i am a lawyer | as a lawyer | divorce lawyer
        not a problem for one | complaint number | complaint reference | sorry to trouble you
        sorry to bother you | trouble you | bother you | now that | just now | by now | until now
        from now on | funny joke | cake day | let me know | no matter | not wrong | have you now
        excuse me | not only | not just | no doubt | not hesitate | won't hesitate
        don't hesitate | nothing but | sure thing | for sure | make sure | making sure
        to be sure | please make sure | be sure | thanks in advance | thank you in advance
        thank you for calling | thanks for calling | well as | as well | as well as | well known
        of the best | no longer than | had a lot | account manager | task manager | store manager
        project manager | product manager | password manager | device manager | file manager
        complaint was resolved | complaint has been resolved | complaint is resolved
        resolved my complaint | handled my complaint | not complaining | late fee | late payment
        lost and found | error code | fast food | fast track | today's date | fixed line
        fixed price | fixed rate | easy access | the other day | right side | sort of thing
        kind of thing | what kind of | any kind of | kind regards | best regards | best wishes
        as best | best way | at best | good luck | so far | so that | and so on | or so | so is
        so are | so do | so does | so when | so what | so why | so how | so i | so you | so we
        too i | me too | more than | much as | how much | as much | even if | even though
        calm down | would love to | i'd love to | would like | feel better | get well | good at
        """,
    ),
)

GROUPS = (
    *FRUSTRATION,
    *RHETORICAL,
    *CONFUSION,
    *URGENCY,
    *CALM,
    *POSITIVITY,
    *SUPPRESSION,
    *ESCALATION,
    *CUES,
)

# Written in capitals by everybody: no emphasis.
ACRONYMS = words(
    """
    am api app atm bbc bt ceo cd cet cv diy dhl dns dob dvd edt email eta etc eu faq fyi gb gmt
    gps hd hdmi html http https ibm id ids imei ios ip iphone isp it kg km lcd led lg lol lte mb ms
    ms msn mvno nhs ok omg pc pdf pin pm pos ps pst ptsd puk qr rma sim sms sos ssd ssn std tba tbc
    tcp tl tmd tv uae ufo uk un ups url us usa usb usd usps utc vat vip voip vpn wifi wlan wtf xl
    """
)
