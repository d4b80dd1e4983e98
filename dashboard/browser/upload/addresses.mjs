// Where files of each zone go, and where they are read again.

/** @type {Record<Zone, string>} */
export const ADDRESS = {
  checkpoint: "/api/v1/checkpoints", train: "/api/v1/datasets", test: "/api/v1/datasets", optimizer_state: "/api/v1/checkpoints",
};

/** Whether a zone takes files of training: weights, or an optimiser's state. @param {Zone} zone */
export const ofTraining = (zone) => ADDRESS[zone] === ADDRESS.checkpoint;

export const ZONES = /** @type {Zone[]} */ (Object.keys(ADDRESS));

/** The zone an element is of. @param {HTMLElement} element */
export const zoneOf = (element) => /** @type {Zone} */ (element.dataset.upload);
