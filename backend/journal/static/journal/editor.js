// Uploads the chosen picture and writes it into the text where the cursor is.
const form = document.querySelector("form[data-upload]");
const text = form.querySelector("textarea[name=body]");

document.getElementById("picture").addEventListener("change", async (event) => {
  const data = new FormData();
  data.append("file", event.target.files[0]);
  const answer = await fetch(form.dataset.upload, {
    method: "POST",
    body: data,
    headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
  });
  const { location, error } = await answer.json();
  event.target.value = "";
  if (error) return alert(error);
  text.setRangeText(`\n<p><img src="${location}" alt=""></p>\n`, text.selectionStart, text.selectionEnd, "end");
  text.focus();
});
