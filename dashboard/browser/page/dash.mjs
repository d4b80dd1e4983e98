// What Dash gives the browser: its stores, and the way to leave an output as it is.

/** @param {string} id @param {object} props */
export const setProps = (id, props) => window.dash_clientside.set_props(id, props);

export const noUpdate = () => window.dash_clientside.no_update;
