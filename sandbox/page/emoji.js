// The short names that people and bots use most.
export const EMOJI = {
  white_check_mark: "✅", x: "❌", warning: "⚠️", rotating_light: "🚨", fire: "🔥", red_circle: "🔴", large_orange_circle: "🟠",
  large_yellow_circle: "🟡", large_blue_circle: "🔵", white_circle: "⚪", large_green_circle: "🟢", black_circle: "⚫",
  eyes: "👀", raised_hand: "✋", hand: "✋", gear: "⚙️", hourglass: "⌛", hourglass_flowing_sand: "⏳", stopwatch: "⏱️",
  alarm_clock: "⏰", clock1: "🕐", bell: "🔔", no_bell: "🔕", mute: "🔇", speech_balloon: "💬", memo: "📝", pencil: "✏️",
  lock: "🔒", unlock: "🔓", key: "🔑", wrench: "🔧", hammer: "🔨", hammer_and_wrench: "🛠️", toolbox: "🧰", robot_face: "🤖",
  computer: "💻", desktop_computer: "🖥️", floppy_disk: "💾", cd: "💿", chart_with_upwards_trend: "📈", bar_chart: "📊",
  chart_with_downwards_trend: "📉", mag: "🔍", link: "🔗", paperclip: "📎", package: "📦", email: "📧", envelope: "✉️",
  calendar: "📅", pushpin: "📌", bookmark: "🔖", bulb: "💡", zap: "⚡", cloud: "☁️", sunny: "☀️", snowflake: "❄️",
  rocket: "🚀", tada: "🎉", thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", clap: "👏", pray: "🙏", wave: "👋",
  ok_hand: "👌", muscle: "💪", point_right: "👉", point_left: "👈", point_up: "☝️", heart: "❤️", smile: "😄", slightly_smiling_face: "🙂",
  joy: "😂", thinking_face: "🤔", sob: "😭", sleeping: "😴", scream: "😱", cry: "😢", sweat_smile: "😅", sunglasses: "😎",
  information_source: "ℹ️", question: "❓", exclamation: "❗", no_entry: "⛔", no_entry_sign: "🚫", construction: "🚧",
  arrow_up: "⬆️", arrow_down: "⬇️", arrow_right: "➡️", arrow_left: "⬅️", arrows_counterclockwise: "🔄", repeat: "🔁",
  heavy_check_mark: "✔️", ballot_box_with_check: "☑️", heavy_plus_sign: "➕", heavy_minus_sign: "➖", stop_sign: "🛑",
  shield: "🛡️", skull: "💀", ghost: "👻", bug: "🐛", beetle: "🪲", sos: "🆘", ambulance: "🚑", phone: "☎️", telephone_receiver: "📞",
};
