// Rows of a person's own files, in any of the usual formats, and what their columns mean.
export {
  type Columns,
  columnValue,
  documentOf,
  type Example,
  exampleOf,
  isPair,
  type LabelledAnswer,
  labelledAnswerOf,
  listOf,
  type Preference,
  preferenceOf,
  type QuestionColumns,
  questionOf,
  textOf,
} from "./columns.js";
export { DATA_ENDINGS, type DataFormat, findDataFiles, formatOf, isDataFile, namesFiles } from "./files.js";
export { atPlace, type PlacedRow, type Row } from "./row.js";
export { readAllRows, readRows, readWholeText } from "./rows.js";
