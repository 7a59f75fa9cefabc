// Greetings, thanks, farewells and wishes, answered politely.
import { PEOPLE } from "../word-problems/names-and-things.js";
import { type ExchangeDraw, harmless } from "./exchange.js";

const HELLO = ["Hello", "Hi", "Good morning", "Good evening", "Good day"];
const HELPED = "the cake|my letter|the garden|my homework|the recipe|the map|my speech|the tickets|the song|my bicycle";
const PLANS = "swim in the lake|visit my aunt|bake bread|read a book|climb a hill|play chess|plant beans|paint my room";
const WEATHER = "sunny|rainy|cold|warm|windy|cloudy|foggy|snowy";

/** Draws one of the five kinds. */
export const drawSmallTalk: ExchangeDraw = (random) => {
  const { name } = random.pick(PEOPLE);
  const hello = random.pick(HELLO);
  const say = (prompt: string, answer: string, thought: string, facts: string[]) =>
    harmless("small-talk", prompt, answer, thought, { facts });
  switch (random.pick(["greeting", "thanks", "farewell", "plan", "weather"] as const)) {
    case "greeting":
      return say(
        `${hello}! I am ${name}. How are you?`,
        `${hello}, ${name}! I am well, thank you. How can I help you?`,
        `${name} greets me. I greet back.`,
        [name, "thank you"],
      );
    case "thanks": {
      const what = random.pick(HELPED.split("|"));
      const thing = what.replace(/^my /, "your ");
      return say(
        `${random.pick(["Thank you", "Thanks"])} for your help with ${what}. ${name}`,
        `You are welcome, ${name}! I hope that ${thing} ${/s$/.test(thing) ? "turn" : "turns"} out well.`,
        `${name} thanks me. I answer kindly.`,
        [name, "welcome"],
      );
    }
    case "farewell": {
      const plan = random.pick(PLANS.split("|"));
      return say(
        `I am going to ${plan} now. Goodbye! ${name}`,
        `Goodbye, ${name}! Have a good time.`,
        `${name} leaves. I wish a good time.`,
        [name, "goodbye"],
      );
    }
    case "plan": {
      const plan = random.pick(PLANS.split("|"));
      return say(
        `${hello}! Tomorrow I want to ${plan}. What do you think? ${name}`,
        `${hello}, ${name}! To ${plan.replace(/\bmy\b/, "your")} is a good plan. I hope that you enjoy it.`,
        `${name} tells me a plan. I say something kind about it.`,
        [name, "plan"],
      );
    }
    default: {
      const weather = random.pick(WEATHER.split("|"));
      const place = random.pick(["in the hills", "at the sea", "in town", "on the island", "in the valley"]);
      return say(
        `${hello}! It is ${weather} ${place} today. ${name}`,
        `${hello}, ${name}! I hope that you have a good ${weather} day ${place}.`,
        `${name} talks about the weather. I do so too.`,
        [name, weather],
      );
    }
  }
};
