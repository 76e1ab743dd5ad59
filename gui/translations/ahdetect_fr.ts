<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr">
  <context>
    <name>Banners</name>
    <message>
      <source>Note</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Warning</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Error</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Dismiss</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Dismiss: {text}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>MainWindow</name>
    <message>
      <source>Step {step}, {name}, you are here</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Step {step}, {name}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Steps of a session</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;File</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Go</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;View</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Help</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open &amp;session folder…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open &amp;clip…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Quit</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Messages</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>As the &amp;system</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Light</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Dark</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Theme</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Te&amp;xt size</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>La&amp;rger text</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>S&amp;maller text</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>L&amp;anguage</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;About ahdetect</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open a session or an analysis</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open a clip</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Clips</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>All files</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>About ahdetect</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The language changes when ahdetect is started again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The machine slept for {seconds:.0f} s. Nothing was seen or heard in that time.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Closing: {work}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&lt;b&gt;ahdetect&lt;/b&gt; draws how far face, voice, words and body show signs consistent with ambivalence or hesitancy, with the cues that say so. It is a model estimate.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It is not a diagnosis, no lie detector, and does not say what a person feels or will do. It ranks nobody. “Unclear” is a real answer, and what was not seen or heard is shown as a grey gap with its reason.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Face and voice channels rest on published effect sizes, not on training with this task's recordings; how well it works for a given person, language or setting is not known. Every segment can be contested.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Everything is computed on this machine; nothing leaves it. Licence: GPL-3.0-or-later.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>Prompts</name>
    <message>
      <source>no kind</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>neutral</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>positive</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>negative</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>ambivalent</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>willing</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>resistant</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>hesitant</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>Screens</name>
    <message>
      <source>Devices</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Set-up</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Live</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Review</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>SetupScreen</name>
    <message>
      <source>Kind of prompt {number}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Prompt</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Kind</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Prompts, in the order in which they are asked</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Set-up of the session</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Prompts</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What the person is asked, in order. The kind sets how likely signs are before anything is seen or heard; leave it at “no kind” where you are not sure.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>While recording</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Quiet mode: show no estimate until the session is over</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Quiet mode: show no estimate until the session is over</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What is recorded</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Record only a person who knows what is recorded and why, and has agreed to it. They may stop at any time, and what was recorded can then be deleted.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Recordings are not encrypted yet: whoever can read the folder can see and hear the person.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Go on to &amp;live</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Name</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>F&amp;older</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name of the session, a pseudonym</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>for example P07-2</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Folder in which sessions are made</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Choose…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Add</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Remove</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Move &amp;up</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Move &amp;down</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Import…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&amp;Export…</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A pseudonym or a number, not the person's name: it becomes part of file names.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Not usable: take up to 64 letters, digits, spaces, points, - or _, and start with a letter or digit.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Picture, sound, words, cues, estimates and your marks, each session in a folder of its own within:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Nothing of it leaves this machine.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{free:.0f} GB free: about {hours:.0f} hours of recording.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Only {free:.1f} GB free: about {hours:.1f} hours of recording.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Import prompts</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} prompts read from {file}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Export prompts</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} prompts written to {file}.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>Tracks</name>
    <message>
      <source>face</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>body</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>voice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>language</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>discord</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A/H probability</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>model's segments</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>sound</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>words</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>human segments</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>events</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>minutes:seconds</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Quiet mode: estimates are hidden while recording</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>VideoView</name>
    <message>
      <source>Video</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No picture</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Live picture</source>
      <translation type="unfinished" />
    </message>
  </context>
</TS>
