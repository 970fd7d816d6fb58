// Where the class names stand. The look itself is in views/app.css.
export default {
  content: ["./views/*.templ", "./static/app.js"],
};
